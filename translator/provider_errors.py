"""Translates errors of model servers and providers to the errors of OpenAI's API."""

from typing import Any, NamedTuple

from translator import context_length
from translator.error_messages import decode_document, message_in, presentable
from translator.errors import UpstreamError
from translator.raw_json import integer_or_none, text_or_none

AUTHENTICATION = "upstream_authentication"
"""The error code for a provider that refused the operator's key."""

_INVALID, _SERVER = "invalid_request_error", "server_error"
_KEYS = (401, 403)
_OWN_FAULT = 502
_KEPT = (503, 504)  # 5xx statuses of providers that pass unchanged
# The HTTP status for each code, status and type of providers; a code takes precedence over a type.
_STATUSES = {
    # OpenAI
    "model_not_found": 404,
    "invalid_api_key": 401,
    "insufficient_permissions": 403,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "requests": 429,
    "tokens": 429,
    context_length.CODE: 400,
    # OpenAI's types, and Anthropic's
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "overloaded_error": 503,
    # llama.cpp
    "exceed_context_size_error": 400,
    "unavailable_error": 503,
    # Azure
    "DeploymentNotFound": 404,
    # Google
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    # vLLM
    "BadRequestError": 400,
    "NotFoundError": 404,
}
_KEY_REFUSED = ("API key not valid", "Incorrect API key provided", "invalid x-api-key")


class ProviderError(NamedTuple):
    """The fields of an error object.

    Attributes:
        message: the message.
        type: the type, or "".
        param: the field at fault, or None.
        code: the code as text, or None.
        has_code: whether it has a code, or a code that is null.
        status: the HTTP status for its code, status or type, or None.
    """

    message: str
    type: str
    param: str | None
    code: str | None
    has_code: bool
    status: int | None

    @property
    def is_about_the_key(self) -> bool:
        """Whether the provider refused the operator's key."""
        return self.status in _KEYS or any(words in self.message for words in _KEY_REFUSED)


def read(body: bytes) -> ProviderError | None:
    """The error object in a response, in any of its forms; None if there is none."""
    return read_document(decode_document(body))


def read_document(document: Any) -> ProviderError | None:
    """As :func:`read`, for decoded JSON."""
    match document:
        case [{"error": dict(fields)}, *_] if _is_told(fields):  # Google
            pass
        case {"error": dict(fields)} if _is_told(fields):
            pass
        case {"object": "error", "message": str()} as fields:  # vLLM, Mistral
            pass
        case _:
            return None
    code = fields.get("code")
    number = integer_or_none(code)
    text = text_or_none(code) if number is None else str(number)
    status = fields.get("status")
    words = (text, str(status) if integer_or_none(status) else status, fields.get("type"))
    statuses = [*filter(None, map(_status, words))]
    return ProviderError(
        message=text_or_none(fields.get("message")) or "",
        type=text_or_none(fields.get("type")) or "",
        param=text_or_none(fields.get("param")),
        code=text,
        has_code=text is not None or ("code" in fields and not code),
        status=min(statuses, key=lambda each: each not in _KEYS, default=None),
    )


def _is_told(fields: dict[str, Any]) -> bool:
    """Whether an error object has a sentence, or at least a code that is known."""
    return isinstance(fields.get("message"), str) or _status(str(fields.get("code"))) is not None


def _status(word: Any) -> int | None:
    if not isinstance(word, str):
        return None
    if word.isascii() and word.isdigit() and len(word) == 3:  # noqa: PLR2004 -- digits of a status
        number = int(word)
        if 400 <= number < 600:  # noqa: PLR2004 -- statuses of errors
            return number if number < 500 or number in _KEPT else _OWN_FAULT  # noqa: PLR2004
    return _STATUSES.get(word)


def of_message(  # noqa: PLR0913 -- each is a field of the error
    said: str | None,
    default: str,
    *,
    status: int = _OWN_FAULT,
    type: str = _SERVER,  # noqa: A002 -- the name of the field in OpenAI's error object
    code: str | None = "upstream_error",
    param: str | None = None,
    repeats: bool = False,
) -> UpstreamError:
    """An error with the server's message, if clients may see it.

    Args:
        said: the server's message, or None.
        default: the message to use instead.
        status: this and the others: see :class:`~translator.errors.TranslatorError`.
        type: likewise.
        code: likewise.
        param: likewise.
        repeats: likewise.
    """
    shown = presentable(said) if said else None
    if code == context_length.CODE or (said and context_length.is_told(said)):
        status, type, code, repeats = 400, _INVALID, context_length.CODE, False  # noqa: A001
    error = UpstreamError(
        shown or default, status=status, type=type, code=code, param=param, repeats=repeats
    )
    error.withheld = said if said and not shown else ""
    return error


def of_key() -> UpstreamError:
    """The error for a provider that refused the operator's key.

    It has a fixed message, because the provider's message can contain a part of the key.
    """
    message = "The model's provider refused the credentials of this service."
    return UpstreamError(message, code=AUTHENTICATION, repeats=True)


def of_provider(answer: bytes) -> UpstreamError:
    """The error in a provider's response, whose HTTP status is not known."""
    document = decode_document(answer)
    default = "The model provider failed."
    error = read_document(document)
    if error is None:
        return of_message(message_in(document), default)
    if error.is_about_the_key:
        return of_key()
    status = error.status or _OWN_FAULT
    return of_message(
        error.message,
        default,
        status=status,
        type=error.type or default_type(status),
        code=error.code if error.has_code else "upstream_error",
        param=error.param,
    )


def default_type(status: int) -> str:
    """OpenAI's error type for a status."""
    if status == 429:  # noqa: PLR2004 -- an HTTP status
        return "requests"
    return _INVALID if status < 500 else _SERVER  # noqa: PLR2004 -- an HTTP status
