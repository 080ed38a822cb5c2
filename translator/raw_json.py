"""JSON that only passes through: objects taken apart one level deep, each value left as its text.

A value kept as :class:`msgspec.Raw` keeps its digits, the order of its keys and its escapes, and
costs no more than its bytes, however large it is.
"""

from typing import Any

import msgspec
from msgspec import Raw

Object = dict[str, Raw]
"""An object: the name of each field, and its value as JSON text."""

ABSENT = Raw()
"""A field that is not there."""
NULL = Raw(b"null")

_NULL = b"null"
_NOTHING = (b"", _NULL, b'""', b"false")

encode = msgspec.json.Encoder().encode
decode_object = msgspec.json.Decoder(Object).decode
decode_objects = msgspec.json.Decoder(list[Object]).decode
decode_list = msgspec.json.Decoder(list[Raw]).decode


def raw(value: object) -> Raw:
    """A value as JSON text."""
    return Raw(encode(value))


def is_null(value: Raw | None) -> bool:
    """Whether a field is absent or null, which OpenAI treats alike."""
    # The length first, so that a field of megabytes is not copied.
    return value is None or (memoryview(value).nbytes == len(_NULL) and bytes(value) == _NULL)


def is_present(value: Raw) -> bool:
    """Whether a field is there and says something: null, "" and false do not."""
    return bytes(value) not in _NOTHING


def opening(value: Raw) -> int:
    """The first character of a value, which tells its type. The rest may be megabytes."""
    return memoryview(value)[0]


def compact(value: Raw) -> str:
    """A value as JSON text without white space between its tokens.

    Raises:
        RecursionError: it is nested too deeply.
    """
    text = bytes(value).decode()
    if " " not in text and "\n" not in text and "\r" not in text and "\t" not in text:
        return text  # as most programs write it
    return msgspec.json.format(text, indent=-1)


def text_or_none(value: Any) -> str | None:
    """A decoded value if it is a text that says something."""
    return value if value and isinstance(value, str) else None


def integer_or_none(value: Any) -> int | None:
    """A decoded value if it is a whole number; a truth value is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
