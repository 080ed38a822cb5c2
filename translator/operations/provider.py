"""A provider's own answer, which Seldon's OpenAI runtime returns whole.

It is OpenAI's JSON already, so it is made compact (the runtime indents it, which would tear an SSE
event into lines) and otherwise left as it is, to the digit.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from translator import provider_errors
from translator.errors import unreadable
from translator.operations.base import Response
from translator.raw_json import ABSENT, NULL, decode_object, encode, is_null, is_present, raw
from translator.tasks import usage


class _View(msgspec.Struct):
    error: Raw = ABSENT
    object: Raw = ABSENT
    message: Raw = ABSENT
    detail: Raw = ABSENT
    choices: Raw = ABSENT
    data: Raw = ABSENT

    @property
    def is_error(self) -> bool:
        """Whether it tells an error: in an envelope, or flat, without what was asked for."""
        if is_present(self.error) or bytes(self.object) == b'"error"':
            return True
        told = is_present(self.message) or is_present(self.detail)
        return told and self.choices is ABSENT and self.data is ABSENT


_decode_view = msgspec.json.Decoder(_View).decode


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
    if _decode_view(answer).is_error:
        raise provider_errors.of_provider(answer)
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
