"""OpenAI's error object: the one place where an error becomes bytes.

All four fields are required by OpenAI's API description; ``param`` and ``code`` may be null.
"""

import msgspec

from translator.errors import TranslatorError


class ErrorObject(msgspec.Struct):
    """The inside of ``{"error": {...}}``. Reading one, it is lenient about what is absent."""

    message: str
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class Envelope(msgspec.Struct):
    """The outside: ``{"error": {...}}``."""

    error: ErrorObject


def error_body(error: TranslatorError) -> bytes:
    """The JSON body that tells an OpenAI client of ``error``."""
    # A message may quote header bytes that were not UTF-8.
    message = error.message.encode(errors="replace").decode()
    return msgspec.json.encode(Envelope(ErrorObject(message, error.type, error.param, error.code)))
