"""A provider's own answer, which Seldon's OpenAI runtime returns whole.

It is OpenAI's JSON already, so it is made compact (the runtime indents it, which would tear an SSE
event into lines) and otherwise left as it is, to the digit.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from translator.error_messages import read_message
from translator.errors import UpstreamError, unreadable
from translator.openai.errors import Envelope
from translator.operations.base import Response
from translator.raw_json import ABSENT, NULL, decode_object, encode, is_null, is_present, raw
from translator.tasks import usage


class _View(msgspec.Struct):
    error: Raw = ABSENT


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


def read(text: str) -> bytes:
    """A provider's object as compact JSON.

    Raises:
        UpstreamError: 502, it is no JSON object; or the status that belongs to the provider's error
            that it holds.
    """
    if not text.startswith("{"):
        raise unreadable()
    try:
        answer = msgspec.json.format(text, indent=-1).encode()
    except (msgspec.DecodeError, RecursionError) as error:
        raise unreadable() from error
    if is_present(_decode_view(answer).error):
        raise _provider_error(answer)
    return answer


def complete(answer: bytes, model: str, items: str, required: Mapping[str, object]) -> Response:
    """A provider's object as it is, with what it lacks.

    Args:
        answer: the object as compact JSON.
        model: the one that answered, as the model server calls it; the provider knows better.
        items: the field that holds what was asked for, a list.
        required: the fields that clients rely on, with what to put there when one is missing.

    Raises:
        UpstreamError: 502, there are no items.
    """
    fields = decode_object(answer)
    opening = bytes(memoryview(fields.get(items, NULL))[:2])  # all of it may be megabytes
    if not opening.startswith(b"[") or opening == b"[]":
        raise unreadable()
    missing = {
        name: raw(value)
        for name, value in required.items()
        if name not in fields or is_null(fields[name])
    }
    body = encode(fields | missing) if missing else answer
    answered_by = _text(fields.get("model", NULL)) or model
    return Response(body, usage.of_usage(fields.get("usage")), answered_by)


def _text(value: Raw) -> str:
    try:
        return msgspec.json.decode(value, type=str)
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
