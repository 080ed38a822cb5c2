"""Counts the values in JSON text before they are decoded.

A decoded value takes some hundred bytes and a microsecond, however short its text is. So a body of
millions of tiny values, such as empty tool calls, would cost many times as much as a long text of
the same size.
"""

import re

from msgspec import Raw
from msgspec.json import Decoder

MANY = 50_000
"""The number of values that are accepted in a text of any size, and that are not worth counting."""

_validate = Decoder(Raw).decode
# The text before the next separator outside of strings, or before the end. Possessive quantifiers:
# backtracking would need a hundred bytes of memory per character.
_BEFORE = {
    separator: re.compile(
        rb'(?:[^"%b]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+(?:%b|\Z)' % (separator, separator), re.DOTALL
    )
    for separator in (b",", b":")
}


def exceeds(text: bytes, most: int, separator: bytes = b",") -> bool:
    """Whether JSON text has more than ``most`` separators outside of strings.

    Args:
        text: the JSON text.
        most: the limit.
        separator: ``,`` to count all values, or ``:`` to count the fields of objects.

    Raises:
        msgspec.DecodeError: the text is not valid JSON. It is not checked if it has few separators.
    """
    if text.count(separator) <= most:  # those in strings included, and much faster
        return False
    _validate(text)  # in invalid JSON, the expression would take quadratic time
    return any(count > most for count, _ in enumerate(_BEFORE[separator].finditer(text), -1))
