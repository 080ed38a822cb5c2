"""Extracts images, audio and files from a body before its translation, and restores them after it.

They are base64 in JSON strings, and are the same in the translated body. A token replaces each one
during the translation, so that megabytes are read once and copied once instead of several times.
"""

import re
import secrets
from collections.abc import Sequence

_LARGE = 1 << 16  # bytes; for smaller values the search costs more than it saves
_WINDOW = 1 << 16  # bytes examined at once: they fit into the processor's cache

# Both alphabets of base64, and the head of a data: URL. JSON escapes none of these, however often
# it is nested.
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=:;,."

# OpenAI's fields with such values. No translation depends on these values, and no error contains
# them, so a token can replace them.
_FIELD = r'(\\?)"(?:%s)\1"\s{0,8}:\s{0,8}\1"\Z'  # quotes are escaped in JSON within JSON
_LONGEST_FIELD = 40
IN_MESSAGES = re.compile((_FIELD % "url|data|file_data").encode())
IN_IMAGES = re.compile((_FIELD % "b64_json").encode())

_MARK = secrets.token_hex(16).encode()  # clients cannot guess it
_TOKEN = re.compile(rb"%b-(\d+)-" % _MARK)


def extract(body: bytes, field: re.Pattern[bytes]) -> tuple[bytes, Sequence[memoryview]]:
    """Replace large payloads with tokens.

    In valid JSON, the quote after a field's colon begins a string, or is escaped and within one. So
    only text inside a string is replaced, and the new body is valid JSON if and only if the old one
    is.

    Args:
        body: a body, not necessarily valid JSON.
        field: matches the text before a payload: :data:`IN_MESSAGES` or :data:`IN_IMAGES`.

    Returns:
        the body with tokens, and the payloads.
    """
    view = memoryview(body)
    pieces: list[bytes | memoryview] = []
    payloads: list[memoryview] = []
    done, probe = 0, _LARGE
    # The probes are _LARGE bytes apart, so at least one is inside any longer payload.
    while (quote := body.find(b'"', probe)) >= 0:
        start = body.rfind(b'"', done, probe) + 1
        end = quote - (body[quote - 1] == ord("\\"))
        if field.search(body, max(done, start - _LONGEST_FIELD), start) and _is_base64(
            view[start:end]
        ):
            pieces += view[done:start], b"%b-%d-" % (_MARK, len(payloads))
            payloads.append(view[start:end])
            done = end
        probe = quote + _LARGE
    return (b"".join((*pieces, view[done:])), payloads) if payloads else (body, ())


def restore(body: bytes, payloads: Sequence[memoryview]) -> bytes:
    """Replace the tokens with their payloads; a token may occur several times."""
    if not payloads:
        return body
    pieces: list[bytes | memoryview] = [*_TOKEN.split(body)]
    pieces[1::2] = [payloads[int(number)] for number in pieces[1::2]]
    return b"".join(pieces)


def _is_base64(text: memoryview) -> bool:
    return text.nbytes > 0 and not any(
        bytes(text[at : at + _WINDOW]).translate(None, _ALPHABET)
        for at in range(0, text.nbytes, _WINDOW)
    )
