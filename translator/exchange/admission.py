"""Checks of a request's headers before its body arrives."""

from collections.abc import Mapping

from translator.errors import ClientError
from translator.exchange.content_encoding import KNOWN_ENCODINGS, Decoder, UndecodableError
from translator.exchange.headers import is_json, media_type, number


def admit(headers: Mapping[str, str], limit: int) -> Decoder:
    """Check a request, and return the decoder of its body.

    Args:
        headers: the request's.
        limit: the most bytes of the body, as received and decoded.

    Raises:
        ClientError: 413 or 415.
    """
    kind = media_type(headers)
    if kind and not is_json(kind):
        raise ClientError(
            f"Unsupported content type: '{kind}'. This API method only accepts "
            "'application/json' requests.",
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
