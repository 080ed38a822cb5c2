"""Chat completions: the messages of a request and the objects of a response.

Source: OpenAI API reference, "Create chat completion", "The chat completion object" and "The chat
completion chunk object". Fields that pass through are JSON text (:class:`msgspec.Raw`).
"""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from translator.raw_json import ABSENT

ROLES = ("system", "assistant", "user", "function", "tool", "developer")
"""The roles of messages, in OpenAI's order."""

Part = dict[str, Raw]
"""A content part: its ``type`` is also the key of its payload."""

PAYLOADS: dict[str, type] = {
    "text": str,
    "refusal": str,
    "image_url": dict,
    "input_audio": dict,
    "file": dict,
}
"""The type of the payload, by OpenAI's types of parts. Runtimes may have further types of parts."""


class Message(msgspec.Struct):
    """One message of the conversation. Null and absent are the same."""

    role: str
    content: str | list[str | Part] | None = None
    tool_calls: list[Raw] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    refusal: str | None = None
    audio: Raw = ABSENT
    function_call: Raw = ABSENT

    @property
    def is_plain(self) -> bool:
        """Whether it has only role and content, as most messages do."""
        return not (
            self.tool_calls
            or self.tool_call_id
            or self.name
            or self.refusal
            or self.audio is not ABSENT
            or self.function_call is not ABSENT
        )


class KnownMessage(Message, forbid_unknown_fields=True):
    """A message without extra fields, as most are. Decoding another one fails."""


class FunctionCall(msgspec.Struct):
    """The function that a model calls; ``arguments`` is JSON as text."""

    name: str | UnsetType = UNSET
    arguments: str = ""


class CustomCall(msgspec.Struct):
    """The custom tool that a model calls; ``input`` is text."""

    name: str | UnsetType = UNSET
    input: str = ""


class ToolCall(msgspec.Struct):
    """A tool call in a message."""

    id: str
    type: str
    function: FunctionCall | UnsetType = UNSET
    custom: CustomCall | UnsetType = UNSET


class Usage(msgspec.Struct):
    """Token counts."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ResponseMessage(msgspec.Struct):
    """The message of a choice. ``content`` and ``refusal`` are required and may be null."""

    role: str
    content: str | None
    refusal: str | None = None
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ToolCall] | UnsetType = UNSET
    function_call: FunctionCall | UnsetType = UNSET


class Choice(msgspec.Struct):
    """One of ``n`` choices."""

    index: int
    message: ResponseMessage
    finish_reason: str
    logprobs: Raw | None = None


class ChatCompletion(msgspec.Struct, tag_field="object", tag="chat.completion"):
    """A whole response. ``created`` is in seconds since the epoch."""

    id: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | Raw | UnsetType = UNSET
    service_tier: Raw | UnsetType = UNSET
    system_fingerprint: Raw | UnsetType = UNSET


class ToolCallDelta(msgspec.Struct):
    """A tool call in a delta: ``index`` is that of the call in the message that it extends."""

    index: int
    id: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    function: FunctionCall | UnsetType = UNSET
    custom: CustomCall | UnsetType = UNSET


class Delta(msgspec.Struct):
    """What a chunk adds to the message of its choice."""

    role: str | UnsetType = UNSET
    content: str | UnsetType | None = UNSET
    refusal: str | UnsetType | None = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ToolCallDelta] | UnsetType = UNSET
    function_call: FunctionCall | UnsetType = UNSET


class ChunkChoice(msgspec.Struct):
    """A choice inside a chunk; ``finish_reason`` is null until the choice is complete."""

    index: int
    delta: Delta
    finish_reason: str | None = None
    logprobs: Raw | None = None


class ChatChunk(msgspec.Struct, tag_field="object", tag="chat.completion.chunk"):
    """One event of a stream. ``usage`` is present (mostly null) only if the client requested it."""

    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | Raw | UnsetType | None = UNSET
