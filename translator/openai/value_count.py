"""Limits the number of JSON values in a request body, before they are decoded.

A decoded value takes some hundred bytes and a microsecond, however short its text is. So a body of
millions of tiny values, such as empty tool calls, would cost many times as much as a long text of
the same size.
"""

import re

from msgspec import Raw
from msgspec.json import Decoder

from translator.errors import ClientError

_VALUES = 50_000  # in a body of any size
_SIZE = 200  # bytes for each further value

_validate = Decoder(Raw).decode
# What is before the next separator outside of strings, or before the end. Possessive quantifiers:
# backtracking would need a hundred bytes of memory per character.
_BEFORE = {
    separator: re.compile(
        rb'(?:[^"%b]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+(?:%b|\Z)' % (separator, separator), re.DOTALL
    )
    for separator in (b",", b":")
}


def check_value_count(body: bytes, separator: bytes = b",") -> None:
    """Refuse a body with too many values for its size.

    Args:
        body: a request body.
        separator: what is counted outside of strings: ``,`` for all values, or ``:`` for the fields
            of objects, where the elements of arrays are counted elsewhere.

    Raises:
        ClientError: 400 ``too_many_values``.
        msgspec.DecodeError: the body is not valid JSON. It is not checked if it has few separators.
    """
    most = _VALUES + len(body) // _SIZE
    if body.count(separator) <= most:  # those in strings included, and much faster
        return
    _validate(body)  # in invalid JSON, the expression would take quadratic time
    for count, _ in enumerate(_BEFORE[separator].finditer(body), -1):
        if count > most:
            raise ClientError(
                f"Your request has too many JSON values: at most {most} are accepted in a request "
                "of this size.",
                code="too_many_values",
            )
