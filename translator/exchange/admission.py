"""Checks of a request before it is translated: its headers, then the size of its body."""

from collections.abc import Mapping, Sequence

from translator.errors import ClientError
from translator.exchange.content_encoding import (
    KNOWN_ENCODINGS,
    Decoder,
    TooLargeError,
    UndecodableError,
)
from translator.exchange.headers import is_json, media_type, number

_JSON = "application/json"
# A compressed body may become 100 times its size, and 1 MiB in addition. Without this limit, a
# hundred bytes of br become the largest body, for the model server too. JSON seldom shrinks to less
# than a twentieth.
_FREE = 1024 * 1024
_RATIO = 100


def admit(headers: Mapping[str, str], limit: int, media_types: Sequence[str] = (_JSON,)) -> Decoder:
    """Check the headers of a request, and return the decoder of its body.

    Args:
        headers: the headers of the request.
        limit: the maximum size of the body in bytes, as received and when decoded.
        media_types: the accepted media types of the body.

    Raises:
        ClientError: 413 or 415.
    """
    kind = media_type(headers)
    if kind:
        accepts = (_JSON if is_json(kind) else kind) in media_types
    else:
        # A web page of any origin can post without a type, and browsers send no preflight request.
        accepts = headers.get(":method") != "POST" or "origin" not in headers
    if not accepts:
        accepted = " or ".join(f"'{name}'" for name in media_types)
        raise ClientError(
            f"Unsupported content type: '{kind}'. This API method only accepts "
            f"{accepted} requests.",
            status=415,
            code="unsupported_content_type",
        )
    if (number(headers.get("content-length")) or 0) > limit:
        raise _too_large(f"at most {limit} bytes are accepted")
    try:
        return Decoder(headers.get("content-encoding", ""), limit)
    except UndecodableError:
        raise ClientError(
            f"Unsupported content encoding. Supported are: {', '.join(KNOWN_ENCODINGS)}.",
            status=415,
            code="unsupported_content_encoding",
        ) from None


def decode(body: bytes, decoder: Decoder, limit: int) -> bytes:
    """Decode the whole body of a request.

    Args:
        body: the body as received.
        decoder: what :func:`admit` returned.
        limit: the limit that :func:`admit` was given.

    Raises:
        ClientError: 400 or 413.
    """
    most = _FREE + _RATIO * len(body)
    try:
        return decoder.whole(body, most)
    except TooLargeError:
        if most >= limit:
            raise _too_large(f"at most {limit} bytes are accepted") from None
        raise _too_large(
            f"at most {most} decompressed bytes are accepted in {len(body)} compressed bytes"
        ) from None
    except UndecodableError as error:
        raise ClientError("The compressed body of your request is broken.") from error


def _too_large(reason: str) -> ClientError:
    return ClientError(f"The request is too large: {reason}.", status=413, code="request_too_large")
