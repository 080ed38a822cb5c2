"""Checks of a request's headers before its body arrives."""

from collections.abc import Mapping, Sequence

from translator.errors import ClientError
from translator.exchange.content_encoding import KNOWN_ENCODINGS, Decoder, UndecodableError
from translator.exchange.headers import is_json, media_type, number

_JSON = "application/json"


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
        raise too_large(limit)
    try:
        return Decoder(headers.get("content-encoding", ""), limit)
    except UndecodableError:
        raise ClientError(
            f"Unsupported content encoding. Supported are: {', '.join(KNOWN_ENCODINGS)}.",
            status=415,
            code="unsupported_content_encoding",
        ) from None


def too_large(limit: int) -> ClientError:
    """The error for a body of more than ``limit`` bytes."""
    return ClientError(
        f"The request is too large: at most {limit} bytes are accepted.",
        status=413,
        code="request_too_large",
    )
