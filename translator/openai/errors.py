"""OpenAI's error object. All errors of OpenAI's API are encoded here.

OpenAI's API description requires all four fields; ``param`` and ``code`` may be null.
"""

import msgspec

from translator.errors import TranslatorError


class ErrorObject(msgspec.Struct):
    """The inner object of ``{"error": {...}}``. When decoding, all fields but one may be absent."""

    message: str
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class Envelope(msgspec.Struct):
    """The outer object: ``{"error": {...}}``."""

    error: ErrorObject


def error_body(error: TranslatorError) -> bytes:
    """The JSON body of ``error``."""
    # The message may quote bytes of headers that are not UTF-8.
    message = error.message.encode(errors="replace").decode()
    return msgspec.json.encode(Envelope(ErrorObject(message, error.type, error.param, error.code)))
