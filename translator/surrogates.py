"""Halves of surrogate pairs in JSON: a character beyond the BMP that was cut in two.

JSON may hold half a pair as an escape (RFC 8259, section 8.2), but no UTF-8 can, and the decoder
here refuses it. So a half is marked before decoding, by two characters that no text has together,
and joined with the other half if that comes next, else replaced by U+FFFD.
"""

import re

_MARK = "\ufdd0"  # a noncharacter; the half follows, moved from the surrogates to private use
_MOVED = 0xE000 - 0xD800
_HIGH = ("\ue000", "\ue3ff")
_MARKED = re.compile(f"{_MARK}([\ue000-\ue7ff])")
# Every escape is matched, so that an escaped backslash is no beginning of one, nor a pair a half.
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def has_escapes(text: bytes) -> bool:
    """Whether any surrogate is escaped in a JSON text."""
    return b"\\ud" in text or b"\\uD" in text


def mark(text: bytes) -> bytes:
    """A JSON text in which each half of a pair is marked; itself if there is none."""
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


def join(half: str, text: str, *, last: bool = False) -> tuple[str, str]:
    """A text without marked halves, and the one at its end whose other half may still come.

    Args:
        half: the one that the text before this ended with.
        text: what comes now.
        last: nothing comes after it.
    """
    whole, rest = half + text, ""
    if not last and whole[-2:-1] == _MARK and _HIGH[0] <= whole[-1] <= _HIGH[1]:
        whole, rest = whole[:-2], whole[-2:]
    if _MARK not in whole:
        return whole, rest
    halves = _MARKED.sub(lambda found: chr(ord(found[1]) - _MOVED), whole)
    return halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), rest
