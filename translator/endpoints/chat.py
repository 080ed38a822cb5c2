"""``chat/completions``: messages become the tensors role, content and type.

Two encodings, both Seldon's: a conversation of one message gives plain strings, one element per
content part; a longer one gives one element per message, each a JSON list of the message's parts.
What is neither a message nor a tool travels verbatim under ``kwargs`` (read by the local runtime)
and ``llm_parameters`` (read by the OpenAI runtime).
"""

import time

import msgspec
from msgspec import Raw

from translator.endpoints import chat_gather, large_payloads
from translator.endpoints.base import Endpoint, WholeAnswer, take_model
from translator.endpoints.chat_stream import ChatStream
from translator.endpoints.model_settings import DEFAULT, DEFAULTS, Models, ModelSettings
from translator.endpoints.stream import read_events
from translator.oip import request as oip
from translator.openai.chat import ABSENT, PAYLOADS, ROLES, Message, Part
from translator.openai.parameters import check_chat
from translator.openai.request import (
    Fields,
    decode_body,
    decode_field,
    empty_array,
    flag,
    is_null,
    missing,
    take,
    too_deep,
    too_many,
    unsupported,
)

_OPENINGS: dict[type, int] = {str: ord('"'), dict: ord("{")}


class ChatInference(msgspec.Struct, frozen=True):
    """A chat completion under way."""

    model: str | None
    streamed: bool = False
    include_usage: bool = False
    choices: int = 1
    whole: bool = False  # the client wants events, and upstream can only answer whole
    settings: ModelSettings = DEFAULT
    created: int = msgspec.field(default_factory=lambda: int(time.time()))

    @property
    def as_events(self) -> bool:
        """See :class:`~translator.endpoints.base.Inference`."""
        return self.streamed or self.whole

    def from_oip(self, body: bytes) -> WholeAnswer:
        """See :class:`~translator.endpoints.base.Inference`."""
        if self.as_events:
            stream = self.stream()
            return WholeAnswer(stream.whole(body), stream.tokens, stream.answered_by)
        return self._gather([body])

    def from_events(self, body: bytes) -> WholeAnswer:
        """See :class:`~translator.endpoints.base.Inference`."""
        return self._gather(read_events(body))

    def stream(self, limit: int | None = None) -> ChatStream:
        """See :class:`~translator.endpoints.base.Inference`."""
        return ChatStream(
            self.model,
            self.created,
            include_usage=self.include_usage,
            choices=self.choices,
            limit=limit,
            settings=self.settings,
        )

    def _gather(self, responses: list[bytes]) -> WholeAnswer:
        return chat_gather.gather(responses, self.model, self.created, self.choices, self.settings)


def to_oip(
    body: bytes, url_model: str | None, models: Models = DEFAULTS
) -> tuple[bytes, ChatInference]:
    """Translate a request body. See :class:`~translator.endpoints.base.Endpoint`."""
    body, payloads = large_payloads.set_aside(body, large_payloads.IN_MESSAGES)
    fields = decode_body(body)
    model = take_model(fields, url_model)
    messages: list[Message] = decode_field(take(fields, "messages"), list[Message], "messages")
    settings = models.of(model)
    if not messages:
        raise empty_array("messages")
    if len(messages) > settings.max_messages:
        raise too_many("messages", settings.max_messages, len(messages))
    check_chat(fields)
    as_events = flag(fields, "stream")
    include_usage = _include_usage(fields)
    if as_events and settings.ask_usage and not include_usage:
        fields["stream_options"] = _with_usage(fields)
    inference = ChatInference(
        model,
        streamed=as_events and settings.can_stream,
        whole=as_events and not settings.can_stream,
        include_usage=include_usage,
        choices=_number_of_choices(fields),
        settings=settings,
    )
    inputs = [*_message_tensors(messages), *_tool_tensors(fields)]
    translated = settings.encode(inputs, fields, "kwargs")
    return large_payloads.put_back(translated, payloads), inference


def _number_of_choices(fields: Fields) -> int:
    raw = fields.get("n")
    return 1 if raw is None else decode_field(raw, int | None, "n") or 1


def _stream_options(fields: Fields) -> dict[str, Raw]:
    raw = fields.get("stream_options")
    if raw is None:
        return {}
    return decode_field(raw, dict[str, Raw] | None, "stream_options") or {}


def _with_usage(fields: Fields) -> Raw:
    options = _stream_options(fields) | {"include_usage": Raw(b"true")}
    return Raw(msgspec.json.encode(options))


def _include_usage(fields: Fields) -> bool:
    include = _stream_options(fields).get("include_usage")
    return include is not None and bool(
        decode_field(include, bool | None, "stream_options.include_usage")
    )


def _message_tensors(messages: list[Message]) -> list[oip.InputTensor]:
    contents: list[list[str]] = []
    types: list[list[str]] = []
    for index, message in enumerate(messages):
        if message.role not in ROLES:
            raise unsupported(f"messages[{index}].role", message.role, ROLES)
        if message.role == "tool" and message.tool_call_id is None:
            raise missing(f"messages[{index}].tool_call_id")
        content, kinds = _parts(message.content, index)
        contents.append(content)
        types.append(kinds)
    alone = len(messages) == 1
    tensors = [
        oip.bytes_tensor("role", [message.role for message in messages]),
        oip.bytes_tensor("content", contents[0] if alone else [*map(_json, contents)]),
        oip.bytes_tensor("type", types[0] if alone else [*map(_json, types)]),
    ]
    if all(message.is_plain for message in messages):
        return tensors
    _check_rare(messages)
    # What few messages have: a tensor of one element per message, "" where there is nothing, left
    # out when that would be all of it. After the first two, these go beyond what Seldon sends.
    sparse = {
        "tool_calls": [_tool_calls(message, alone=alone) for message in messages],
        "tool_call_id": [message.tool_call_id or "" for message in messages],
        "name": [message.name or "" for message in messages],
        "refusal": [message.refusal or "" for message in messages],
        "audio": [_text(message.audio) for message in messages],
        "function_call": [_text(message.function_call) for message in messages],
    }
    tensors += [oip.bytes_tensor(name, data) for name, data in sparse.items() if any(data)]
    return tensors


def _check_rare(messages: list[Message]) -> None:
    """Refuse rare fields that are no objects where they must be."""
    for index, message in enumerate(messages):
        for name, raw in (("audio", message.audio), ("function_call", message.function_call)):
            if raw is not ABSENT and not is_null(raw):
                decode_field(raw, dict[str, Raw], f"messages[{index}].{name}")
        for number, call in enumerate(message.tool_calls or ()):
            if memoryview(call)[0] != _OPENINGS[dict]:  # there may be millions
                decode_field(call, dict[str, Raw], f"messages[{index}].tool_calls[{number}]")


def _parts(content: str | list[str | Part] | None, message: int) -> tuple[list[str], list[str]]:
    """The payloads and the types of message number ``message``'s parts, at least one of each."""
    if not content:
        content = ""
    if isinstance(content, str):
        return [content], ["text"]
    payloads: list[str] = []
    kinds: list[str] = []
    for index, part in enumerate(content):
        payload, kind = (
            (part, "text")
            if isinstance(part, str)
            else _part(part, f"messages[{message}].content[{index}]")
        )
        payloads.append(payload)
        kinds.append(kind)
    return payloads, kinds


def _part(part: Part, at: str) -> tuple[str, str]:
    if "type" not in part:
        raise missing(f"{at}.type")
    kind: str = decode_field(part["type"], str, f"{at}.type")
    payload = part.get(kind)
    if payload is None or is_null(payload) or kind == "type":
        raise missing(f"{at}.{kind}")
    opening = memoryview(payload)[0]  # a view, because it may be a picture
    wanted = PAYLOADS.get(kind)
    if wanted is not None and opening != _OPENINGS[wanted]:
        decode_field(payload, wanted, f"{at}.{kind}")  # says what is wrong
    if opening == _OPENINGS[str]:
        return decode_field(payload, str, f"{at}.{kind}"), kind
    return _text(payload), kind


def _tool_calls(message: Message, *, alone: bool) -> str:
    if not message.tool_calls:
        return ""
    calls = [_text(call) for call in message.tool_calls]
    return calls[0] if alone and len(calls) == 1 else _json(calls)


def _tool_tensors(fields: Fields) -> list[oip.InputTensor]:
    raw = fields.pop("tools", None)
    tools: list[Raw] = []
    if raw is not None:
        tools = decode_field(raw, list[Raw] | None, "tools") or []
    if not tools:
        return []  # tool_choice and its like then stay among the parameters: nothing is lost
    tensors = [oip.bytes_tensor("tools", [_text(tool) for tool in tools])]
    for name in ("parallel_tool_calls", "tool_choice"):
        raw = fields.pop(name, None)
        if raw is not None and not is_null(raw):
            text = _text(raw)
            plain = decode_field(raw, str, name) if text.startswith('"') else text
            tensors.append(oip.bytes_tensor(name, [plain]))
    return tensors


def _text(raw: Raw) -> str:
    """The JSON text of a value, compact as Seldon sends it; "" when it is null or absent."""
    if raw is ABSENT or is_null(raw):
        return ""
    text = bytes(raw).decode()
    if " " not in text and "\n" not in text and "\r" not in text and "\t" not in text:
        return text  # most clients write compactly themselves
    try:
        return msgspec.json.format(text, indent=-1)
    except RecursionError as error:
        raise too_deep() from error


def _json(texts: list[str]) -> str:
    return msgspec.json.encode(texts).decode()


CHAT = Endpoint("chat/completions", to_oip, ChatInference)
