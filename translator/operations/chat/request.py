"""Reads a chat completion request as a generation, with OpenAI's errors."""

from collections.abc import Collection
from operator import attrgetter

from msgspec import Raw

from translator.openai.chat import PAYLOADS, ROLES
from translator.openai.chat import Message as RequestMessage
from translator.openai.chat import Part as RequestPart
from translator.openai.parameters import check_chat
from translator.openai.request import (
    decode_field,
    empty_array,
    flag,
    missing,
    take,
    too_many,
    unsupported,
)
from translator.operations.chat import extra_fields
from translator.raw_json import ABSENT, Object, compact, encode, is_null, opening
from translator.tasks.generation import Generation, Message, Part
from translator.tasks.model import Model

_OPENINGS: dict[type, int] = {str: ord('"'), dict: ord("{")}
_PAIR = 2  # a part has its type and its payload


def read(fields: Object, model: Model) -> tuple[Generation, bool, Collection[str]]:
    """The task in a request, and whether the client requested the token counts of a stream.

    The third value has the fields that are not sent, as
    :attr:`~translator.operations.base.Inference.dropped`.

    Args:
        fields: the request, without its model.
        model: the model.

    Raises:
        ClientError: 400, the request is invalid, or exceeds a limit of the model.
    """
    raw = take(fields, "messages")
    given, has_extra = extra_fields.decode_messages(raw)
    if not given:
        raise empty_array("messages")
    if len(given) > model.settings.max_messages:
        raise too_many("messages", model.settings.max_messages, len(given))
    check_chat(fields)
    stream = flag(fields, "stream")
    include_usage = "stream_options" in fields and _include_usage(fields)
    if stream and model.settings.ask_usage and not include_usage:
        fields["stream_options"] = _with_usage(fields)
    choices = _number_of_choices(fields) if "n" in fields else 1
    is_plain = all(map(_is_plain, given))
    if not is_plain:
        _check_rare(given)
    make = _plain_message if is_plain else _message
    dropped: set[str] = set()
    messages = [make(message, index, dropped) for index, message in enumerate(given)]
    task = Generation(messages, _tools(fields), fields, is_plain, choices, stream)
    if has_extra:
        task.extra = extra_fields.of_messages(raw, model.settings.carried_fields, dropped)
    return task, include_usage, dropped


def _number_of_choices(fields: Object) -> int:
    return decode_field(fields["n"], int | None, "n") or 1


def _stream_options(fields: Object) -> dict[str, Raw]:
    raw = fields.get("stream_options")
    if raw is None:
        return {}
    return decode_field(raw, dict[str, Raw] | None, "stream_options") or {}


def _with_usage(fields: Object) -> Raw:
    options = _stream_options(fields) | {"include_usage": Raw(b"true")}
    return Raw(encode(options))


def _include_usage(fields: Object) -> bool:
    include = _stream_options(fields).get("include_usage")
    return include is not None and bool(
        decode_field(include, bool | None, "stream_options.include_usage")
    )


_is_plain = attrgetter("is_plain")


def _plain_message(message: RequestMessage, index: int, dropped: set[str]) -> Message:
    if message.role not in ROLES:
        raise unsupported(f"messages[{index}].role", message.role, ROLES)
    if message.role == "tool" and message.tool_call_id is None:
        raise missing(f"messages[{index}].tool_call_id")
    content = message.content or ""
    return Message(
        message.role, content if isinstance(content, str) else _parts(content, index, dropped)
    )


def _message(message: RequestMessage, index: int, dropped: set[str]) -> Message:
    made = _plain_message(message, index, dropped)
    made.tool_calls = message.tool_calls or ()
    made.tool_call_id = message.tool_call_id or ""
    made.name = message.name or ""
    made.refusal = message.refusal or ""
    made.audio = message.audio
    made.function_call = message.function_call
    return made


def _parts(given: list[str | RequestPart], message: int, dropped: set[str]) -> list[Part]:
    return [
        ("text", part) if isinstance(part, str) else _part(part, message, number, dropped)
        for number, part in enumerate(given)
    ]


def _check_rare(messages: list[RequestMessage]) -> None:
    """Refuse rare fields that are not objects but must be."""
    for index, message in enumerate(messages):
        for name, raw in (("audio", message.audio), ("function_call", message.function_call)):
            if raw is not ABSENT and not is_null(raw):
                decode_field(raw, dict[str, Raw], f"messages[{index}].{name}")
        for number, call in enumerate(message.tool_calls or ()):
            if opening(call) != _OPENINGS[dict]:  # not decoded, because there can be millions
                decode_field(call, dict[str, Raw], f"messages[{index}].tool_calls[{number}]")


def _part(part: RequestPart, message: int, number: int, dropped: set[str]) -> Part:
    at = f"messages[{message}].content[{number}]"
    if "type" not in part:
        raise missing(f"{at}.type")
    kind: str = decode_field(part["type"], str, f"{at}.type")
    payload = part.get(kind)
    if payload is None or is_null(payload) or kind == "type":
        raise missing(f"{at}.{kind}")
    if len(part) > _PAIR:
        extra_fields.drop_of_part(part, kind, dropped)
    begins = opening(payload)
    wanted = PAYLOADS.get(kind)
    if wanted is not None and begins != _OPENINGS[wanted]:
        decode_field(payload, wanted, f"{at}.{kind}")  # raises the error
    if begins == _OPENINGS[str]:
        return kind, decode_field(payload, str, f"{at}.{kind}")
    return kind, compact(payload)


def _tools(fields: Object) -> list[Raw]:
    given = fields.pop("tools", None)
    return [] if given is None else decode_field(given, list[Raw] | None, "tools") or []
