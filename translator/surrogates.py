"""Halves of surrogate pairs in JSON: a character beyond the BMP that was split.

JSON can have half a pair as an escape (RFC 8259, section 8.2), but UTF-8 cannot, and the decoder
refuses it. So each half is replaced before decoding by a mark, two characters that do not occur
together in text. Afterwards it is joined with the other half if that follows, else replaced by
U+FFFD.
"""

import re

REPLACEMENT = "\ufffd"
"""What is said for half a pair whose other half does not come."""

_MARK = "\ufdd0"  # a noncharacter; the half follows, moved from the surrogates to private use
_MOVED = 0xE000 - 0xD800
_HIGH = ("\ue000", "\ue3ff")
_MARKED = re.compile(f"{_MARK}([\ue000-\ue7ff])")
# Matches every escape, so that an escaped backslash does not begin one, and a pair is not a half.
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def has_escapes(text: bytes) -> bool:
    """Whether any surrogate is escaped in a JSON text."""
    return b"\\ud" in text or b"\\uD" in text


def mark(text: bytes) -> bytes:
    """Mark each half of a pair in a JSON text; returns the same text if there is none."""
    return _ESCAPES.sub(_mark, text) if has_escapes(text) else text


def _mark(found: re.Match[bytes]) -> bytes:
    half = found[1]
    return found[0] if half is None else f"{_MARK}{chr(int(half, 16) + _MOVED)}".encode()


def is_marked(text: str) -> bool:
    """Whether a text has a marked half."""
    return not text.isascii() and _MARK in text


def clean(text: str) -> str:
    """A text with U+FFFD for each marked half."""
    return join("", text, last=True)[0] if is_marked(text) else text


def mark_text(text: str) -> str:
    """As :func:`mark`."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return mark(text.encode()).decode()


def replace_halves(text: str) -> str:
    """A JSON text with U+FFFD instead of each half; the text itself if there is none."""
    marked = mark_text(text)
    return text if marked == text else clean(marked)


def join(half: str, text: str, *, last: bool = False) -> tuple[str, str]:
    """Join the halves in a text. Returns the text, and a high half at its end, or "".

    Args:
        half: the half at the end of the preceding text, or "".
        text: the next text.
        last: whether no text follows, so that a half at the end is replaced.
    """
    whole, rest = half + text, ""
    if not last and whole[-2:-1] == _MARK and _HIGH[0] <= whole[-1] <= _HIGH[1]:
        whole, rest = whole[:-2], whole[-2:]
    if _MARK not in whole:
        return whole, rest
    halves = _MARKED.sub(lambda found: chr(ord(found[1]) - _MOVED), whole)
    return halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), rest
