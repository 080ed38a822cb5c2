"""Translates error responses from upstream to OpenAI errors with the same status.

"Upstream" is the model server, any proxy before it, and Envoy itself (local replies).
"""

import re
from typing import NamedTuple

from translator import provider_errors
from translator.error_messages import decode_document, find_message, message_in, presentable
from translator.errors import TranslatorError, UpstreamError, model_not_found


class _Default(NamedTuple):
    """The fields of the error for a status, used where upstream's response has none."""

    type: str
    code: str
    message: str


_CLIENT, _SERVER, _END = 400, 500, 600
_INVALID = "invalid_request_error"
_DEFAULTS = {
    400: _Default(_INVALID, "bad_request", "The model server refused the request."),
    401: _Default(_INVALID, "unauthorized", "The model server asked for credentials."),
    403: _Default(_INVALID, "permission_denied", "The model server denied access."),
    404: _Default(_INVALID, "not_found", "The model server does not know this."),
    408: _Default(_INVALID, "request_timeout", "The model server gave up waiting for the request."),
    409: _Default(
        _INVALID, "conflict", "The model server is in a state that forbids this request."
    ),
    413: _Default(_INVALID, "request_too_large", "The request is too large."),
    422: _Default(
        _INVALID, "unprocessable_entity", "The model server could not process the request."
    ),
    429: _Default("requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    499: _Default(_INVALID, "request_cancelled", "The request was cancelled."),
    500: _Default("server_error", "internal_error", "The model server failed."),
    501: _Default("server_error", "not_implemented", "The model server does not support this."),
    502: _Default("server_error", "bad_gateway", "The model server could not be reached."),
    503: _Default(
        "server_error",
        "service_unavailable",
        "The model server is overloaded or not ready yet.",
    ),
    504: _Default("server_error", "gateway_timeout", "The model server did not respond in time."),
}
_LOCAL_REPLIES = frozenset({"local_rate_limited"})  # the body of Envoy's local rate limit, a 429
_REPEAT = frozenset({501, 505})  # a retry fails too: the server lacks a capability
_GENERIC = (400, 500, 502)  # statuses of servers that hide a better status of their provider
_SPECIFIC = (404, 429)  # the better statuses


def from_response(status: int, body: bytes, model: str | None) -> TranslatorError:
    """The error for an upstream response with a status other than 2xx.

    Args:
        status: the HTTP status; a status below 400 becomes 502.
        body: the body of the response, in any form.
        model: the model's name in the client's request.
    """
    if not _CLIENT <= status < _END:
        message = "The model server's response is neither a result nor an error."
        return UpstreamError(message, repeats=True)
    ready_made = _openai_error(status, body)
    if ready_made is not None:
        return ready_made
    if status == 404:  # noqa: PLR2004 -- an HTTP status
        return model_not_found(model)
    # Plain text with 5xx is from proxies and crashes, with internal details. With 4xx it is the
    # message of a Seldon pipeline for the client. The content type is not used, because Triton
    # sends JSON as text/plain.
    document = decode_document(body)
    said = find_message(body) if status < _SERVER else None
    if isinstance(document, dict):
        said = message_in(document)
    if said in _LOCAL_REPLIES:
        said = None
    if said and model:  # in a mesh, the internal names of model m are m_1, m_2
        said = re.sub(rf"\b{re.escape(model)}_\d+\b", lambda _: model, said)
    default = _default(status)
    return provider_errors.of_message(
        said,
        default.message,
        status=status,
        type=default.type,
        code=default.code,
        repeats=status in _REPEAT,
    )


def _default(status: int) -> _Default:
    return _DEFAULTS.get(status) or _DEFAULTS[_CLIENT if status < _SERVER else _SERVER]


def _openai_error(status: int, body: bytes) -> TranslatorError | None:
    """The error if the body is already an OpenAI error object, such as a local reply of Envoy."""
    error = provider_errors.read(body)
    if error is None:
        return None
    if error.is_about_the_key:
        return provider_errors.of_key()
    default = _default(status)
    if status in _GENERIC and error.status in _SPECIFIC:
        status = error.status
        default = _default(status)
    code = presentable(error.code) if error.code else None
    return provider_errors.of_message(
        error.message,
        default.message,
        status=status,
        type=presentable(error.type) or default.type,
        code=code if error.has_code else default.code,
        param=presentable(error.param or ""),
        repeats=status in _REPEAT,
    )
