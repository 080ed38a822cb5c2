"""An error answer from upstream, as OpenAI's API would have put it. The status is kept.

"Upstream" is the model server, and anything between Envoy and it, Envoy's own local replies too.
"""

import re

import msgspec

from translator.endpoints.base import model_not_found
from translator.errors import TranslatorError, UpstreamError
from translator.oip.errors import presentable, read_message
from translator.openai.errors import Envelope

# What is said where upstream said nothing a client should read.
_DEFAULT_MESSAGES = {
    400: "The model server refused the request.",
    408: "The model server gave up waiting for the request.",
    413: "The request is too large.",
    422: "The model server could not process the request.",
    429: "Rate limit reached. Please try again later.",
    503: "The model server is overloaded or not ready yet.",
    504: "The model server did not answer in time.",
}
_CODES = {413: "request_too_large", 429: "rate_limit_exceeded"}
_CLIENT, _SERVER, _END = 400, 500, 600


def from_answer(status: int, content_type: str, body: bytes, model: str | None) -> TranslatorError:
    """The error that an upstream answer with a status other than 2xx stands for.

    Args:
        status: the HTTP status; anything that is not an error's becomes 502.
        content_type: the media type of ``body``, without parameters.
        body: the answer's body, of any form.
        model: the model as the client named it.
    """
    if not _CLIENT <= status < _END:
        return UpstreamError("The model server answered with neither a result nor an error.")
    ready_made = _openai_error(status, body)
    if ready_made is not None:
        return ready_made
    if status == 404:  # noqa: PLR2004 -- an HTTP status
        return model_not_found(model)
    # Plain text with 5xx is what proxies and crashes say: addresses and reasons nobody outside
    # should read. With 4xx it is Seldon's pipelines telling the client what was wrong.
    message = None
    if status < _SERVER or content_type == "application/json":
        message = read_message(body)
    if message and model:  # a mesh calls the versions of a model m_1, m_2
        message = re.sub(rf"\b{re.escape(model)}_\d+\b", lambda _: model, message)
    return UpstreamError(
        message or _default_message(status),
        status=status,
        type="invalid_request_error" if status < _SERVER else "server_error",
        code=_CODES.get(status),
    )


def _default_message(status: int) -> str:
    return _DEFAULT_MESSAGES.get(status, "The model server failed.")


def _openai_error(status: int, body: bytes) -> TranslatorError | None:
    """The error when it is an OpenAI object already, as Envoy may be set to reply."""
    try:
        error = msgspec.json.decode(body, type=Envelope).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    kind = error.type or ("invalid_request_error" if status < _SERVER else "server_error")
    code = None if error.code is None else str(error.code)
    message = presentable(error.message) or _default_message(status)
    return UpstreamError(message, status=status, type=kind, code=code, param=error.param)
