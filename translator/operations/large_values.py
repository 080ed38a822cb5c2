"""Images, sounds and files, kept out of the translation of the body they come in.

They are base64 in a JSON string, and stand in the translated body as they stood in the one that
came. A token takes the place of each while the rest is translated, so that megabytes are read once
and copied once instead of half a dozen times.
"""

import re
import secrets
from collections.abc import Sequence

_LARGE = 1 << 16  # bytes; the search is not worth it for less
_WINDOW = 1 << 16  # bytes looked at together: they stay in the processor's cache

# Base64 in both its alphabets, and the head of a data: URL. Whatever escapes JSON, and however
# often, all of these stay as they are.
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=:;,."

# The fields of OpenAI's that hold them. No translation looks at what these say, nor does an error
# repeat it, so it makes no difference that they say something else meanwhile.
_FIELD = r'(\\?)"(?:%s)\1"\s{0,8}:\s{0,8}\1"\Z'  # quotes are escaped where JSON stands in JSON
_LONGEST_FIELD = 40
IN_MESSAGES = re.compile((_FIELD % "url|data|file_data").encode())
IN_IMAGES = re.compile((_FIELD % "b64_json").encode())

_MARK = secrets.token_hex(16).encode()  # which no one else can know
_TOKEN = re.compile(rb"%b-(\d+)-" % _MARK)


def extract(body: bytes, field: re.Pattern[bytes]) -> tuple[bytes, Sequence[memoryview]]:
    """Take large payloads out and put tokens in their places.

    In valid JSON the quote after a field's colon begins a string, or is escaped and stands within
    one. So what is taken out is text that a string consists of, and the body with tokens is valid
    if and only if the other is.

    Args:
        body: what came, of whatever bytes.
        field: what stands before a payload, :data:`IN_MESSAGES` or :data:`IN_IMAGES`.

    Returns:
        the body with tokens, and the payloads.
    """
    view = memoryview(body)
    pieces: list[bytes | memoryview] = []
    payloads: list[memoryview] = []
    done, probe = 0, _LARGE
    # Of what is larger than the step from a quote to the next probe, one probe hits the inside.
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
    """Put the payloads back where their tokens are, in each place that a token came to."""
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
