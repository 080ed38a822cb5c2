"""Chat completions: the messages of a request, the objects of an answer.

Source: OpenAI API reference, "Create chat completion", "The chat completion object" and "The chat
completion chunk object". Fields that travel untouched are JSON text (:class:`msgspec.Raw`).
"""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from translator.raw_json import ABSENT

ROLES = ("system", "assistant", "user", "function", "tool", "developer")
"""Who may say a message, in the order in which OpenAI lists them."""

Part = dict[str, Raw]
"""A content part: ``type`` names the key that holds its payload."""

PAYLOADS: dict[str, type] = {
    "text": str,
    "refusal": str,
    "image_url": dict,
    "input_audio": dict,
    "file": dict,
}
"""What the payloads of OpenAI's kinds of parts are. Runtimes have kinds of their own besides."""


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
        """Whether it has a role and content only, as most messages do."""
        return not (
            self.tool_calls
            or self.tool_call_id
            or self.name
            or self.refusal
            or self.audio is not ABSENT
            or self.function_call is not ABSENT
        )


class FunctionCall(msgspec.Struct):
    """The function a model wants called; ``arguments`` is JSON as text."""

    name: str | UnsetType = UNSET
    arguments: str = ""


class CustomCall(msgspec.Struct):
    """The custom tool a model wants called; ``input`` is any text."""

    name: str | UnsetType = UNSET
    input: str = ""


class ToolCall(msgspec.Struct):
    """A tool call as it stands in a message."""

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
    """One answer out of ``n``."""

    index: int
    message: ResponseMessage
    finish_reason: str
    logprobs: Raw | None = None


class ChatCompletion(msgspec.Struct, tag_field="object", tag="chat.completion"):
    """The whole answer. ``created`` is in seconds since the epoch."""

    id: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | Raw | UnsetType = UNSET
    service_tier: Raw | UnsetType = UNSET
    system_fingerprint: Raw | UnsetType = UNSET


class ToolCallDelta(msgspec.Struct):
    """A tool call as it stands in a delta: ``index`` says which call of the message it extends."""

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
    """One event of a streamed answer. ``usage`` is there (mostly null) only if it was asked for."""

    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | Raw | UnsetType | None = UNSET
