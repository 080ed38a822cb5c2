"""``output_all``: the tensor in which Seldon's OpenAI runtime returns a provider's whole answer.

It is OpenAI's JSON already, so it is made compact (the runtime indents it, which would tear an SSE
event into lines) and otherwise left as it is, to the digit.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from translator.endpoints import token_counts
from translator.endpoints.base import WholeAnswer
from translator.errors import UpstreamError
from translator.oip.errors import read_message
from translator.oip.response import InferenceResponse, is_present, unreadable
from translator.openai.errors import Envelope
from translator.openai.request import is_null

_NOTHING = Raw(b"null")
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class _View(msgspec.Struct):
    error: Raw = Raw()


_decode_view = msgspec.json.Decoder(_View).decode

# The statuses behind OpenAI's types of errors; any other is the provider's own fault.
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "requests": 429,
    "tokens": 429,
}


def read(response: InferenceResponse) -> bytes | None:
    """The OpenAI object inside a response as compact JSON, or None when there is none.

    Raises:
        UpstreamError: 502, the tensor is there but does not hold one JSON object; or the status
            that belongs to the provider's error that it holds.
    """
    texts = response.strings("output_all")
    if not texts or not (text := texts[0].strip()):
        return None
    if not text.startswith("{"):
        raise unreadable()
    try:
        answer = msgspec.json.format(text, indent=-1).encode()
    except (msgspec.DecodeError, RecursionError) as error:
        raise unreadable() from error
    if is_present(_decode_view(answer).error):
        raise _provider_error(answer)
    return answer


def complete(
    answer: bytes, response: InferenceResponse, items: str, required: Mapping[str, object]
) -> WholeAnswer:
    """A provider's object as it is, with what it lacks.

    Args:
        answer: the object as compact JSON.
        response: the one that held it.
        items: the field that holds what was asked for, a list.
        required: the fields that clients rely on, with what to put there when one is missing.

    Raises:
        UpstreamError: 502, there are no items.
    """
    fields = _decode_fields(answer)
    opening = bytes(memoryview(fields.get(items, _NOTHING))[:2])  # all of it may be megabytes
    if not opening.startswith(b"[") or opening == b"[]":
        raise unreadable()
    missing = {
        name: Raw(msgspec.json.encode(value))
        for name, value in required.items()
        if name not in fields or is_null(fields[name])
    }
    body = msgspec.json.encode(fields | missing) if missing else answer
    model = _text(fields.get("model", _NOTHING)) or response.model_name or ""
    return WholeAnswer(body, token_counts.of_usage(fields.get("usage")), model)


def _text(raw: Raw) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        return ""


def _provider_error(answer: bytes) -> UpstreamError:
    message = read_message(answer) or "The model provider failed."
    try:
        error = msgspec.json.decode(answer, type=Envelope).error
    except msgspec.ValidationError:
        return UpstreamError(message)
    return UpstreamError(
        message,
        status=_STATUSES.get(error.type or "", 502),
        type=error.type or "server_error",
        code="upstream_error" if error.code is None else str(error.code),
        param=error.param,
    )
