"""JSON that only passes through: objects are decoded at the top level, their values stay text.

A :class:`msgspec.Raw` value keeps its digits, the order of its keys and its escapes, and needs no
more memory than its bytes.
"""

from typing import Any

import msgspec
from msgspec import Raw

Object = dict[str, Raw]
"""An object: the name of each field, and its value as JSON text."""

ABSENT = Raw()
"""The value of an absent field."""
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
    """Whether a field is present and not null, "" or false."""
    return bytes(value) not in _NOTHING


def opening(value: Raw) -> int:
    """The first byte of a value, which determines its type. A large value is not copied."""
    return memoryview(value)[0]


def compact(value: Raw) -> str:
    """A value as JSON text without white space between its tokens.

    Raises:
        RecursionError: the value is nested too deeply.
    """
    text = bytes(value).decode()
    if " " not in text and "\n" not in text and "\r" not in text and "\t" not in text:
        return text  # most programs write compact JSON
    return msgspec.json.format(text, indent=-1)


def text_or_none(value: Any) -> str | None:
    """A decoded value if it is a string and not empty, else None."""
    return value if value and isinstance(value, str) else None


def integer_or_none(value: Any) -> int | None:
    """A decoded value if it is an integer (not a boolean), else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
