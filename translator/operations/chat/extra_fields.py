"""Extra fields: those of messages that OpenAI does not have, and those of content parts.

Some are sent to the model, as its settings say; all others are dropped and counted by name. The
names come from clients, so only well-known names are counted separately.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from translator.openai.chat import KnownMessage, Message
from translator.openai.request import decode_field
from translator.raw_json import Object, compact, decode_objects, is_null, opening

_OWN = frozenset(Message.__struct_fields__)
_OTHER = "other"
_MESSAGE = "message"
_PART = "part"
NAMES = {
    _MESSAGE: (
        *("annotations", "cache_control", "citations", "created_at", "extra_content", "id"),
        *("images", "metadata", "parsed", "partial", "prefix", "provider_specific_fields"),
        *("reasoning", "reasoning_content", "reasoning_details", "reasoning_opaque"),
        *("reasoning_text", "thinking", "thinking_blocks", "timestamp", "tool_name", "type"),
    ),
    _PART: (
        *("annotations", "cache_control", "citations", "detail", "extra_content", "fps", "id"),
        *("index", "max_pixels", "metadata", "mime_type", "min_pixels"),
        *("prompt_cache_breakpoint", "signature", "uuid"),
    ),
}
"""The well-known names, by place."""

_COUNTED = {
    place: {name: f"{place}.{name}" for name in (*names, _OTHER)} for place, names in NAMES.items()
}

_decode_text = msgspec.json.Decoder(str).decode
_decode_known = msgspec.json.Decoder(list[KnownMessage]).decode


def decode_messages(raw: Raw) -> tuple[list[Message], bool]:
    """The messages, and whether any of them can have extra fields.

    Raises:
        ClientError: 400, the messages do not have OpenAI's types.
    """
    try:
        return _decode_known(raw), False  # type: ignore[return-value] # a list of a subclass
    except (msgspec.DecodeError, RecursionError):
        return decode_field(raw, list[Message], "messages"), True  # or raises the right error


def of_messages(raw: Raw, sent: Sequence[str], dropped: set[str]) -> dict[str, list[str]]:
    """The extra fields to send, as :attr:`~translator.tasks.generation.Generation.extra`.

    Args:
        raw: messages that have been decoded.
        sent: the names of the fields to send.
        dropped: receives the counted names of the others.
    """
    messages = decode_objects(raw)
    names = frozenset(sent)
    columns: dict[str, list[str]] = {}
    for index, fields in enumerate(messages):
        if _OWN.issuperset(fields):
            continue
        for name, value in fields.items():
            if name in _OWN:
                continue
            if name not in names:
                _drop(_MESSAGE, name, value, dropped)
            elif not is_null(value):
                if name not in columns:
                    columns[name] = [""] * len(messages)
                columns[name][index] = _text(value)
    return {name: columns[name] for name in sent if name in columns}


def _text(value: Raw) -> str:
    return _decode_text(value) if opening(value) == ord('"') else compact(value)


def drop_of_part(part: Object, kind: str, dropped: set[str]) -> None:
    """Add the counted names of a part's fields other than its type and its payload."""
    for name, value in part.items():
        if name not in ("type", kind):
            _drop(_PART, name, value, dropped)


def _drop(place: str, name: str, value: Raw, dropped: set[str]) -> None:
    counted = _COUNTED[place]
    label = counted.get(name) or counted[_OTHER]
    if label not in dropped and not is_null(value):  # null is the same as absent
        dropped.add(label)
