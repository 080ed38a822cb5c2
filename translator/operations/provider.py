"""A provider's response, which Seldon's OpenAI runtime returns as one JSON text.

It is already OpenAI's JSON. It is made compact, because the runtime indents it and the data of an
SSE event is one line, and is otherwise unchanged.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from translator import provider_errors, surrogates
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
        """Whether it is an error: in an envelope, or a message without ``choices`` or ``data``."""
        answers = self.choices is not ABSENT or self.data is not ABSENT
        if bytes(self.error) == b"{}" and answers:
            return False
        if is_present(self.error) or bytes(self.object) == b'"error"':
            return True
        return not answers and (is_present(self.message) or is_present(self.detail))


_decode_view = msgspec.json.Decoder(_View).decode


def read(text: str) -> bytes:
    """A provider's object as compact JSON.

    Raises:
        UpstreamError: 502, the text is not a JSON object; or the provider's error, with its status.
    """
    if not text.startswith("{"):
        body = text.encode(errors="replace")
        if text.startswith("[") and provider_errors.read(body) is not None:
            raise provider_errors.of_provider(body)
        raise unreadable()
    try:
        answer = msgspec.json.format(surrogates.replace_halves(text), indent=-1).encode()
    except (msgspec.DecodeError, RecursionError) as error:
        raise unreadable() from error
    if _decode_view(answer).is_error:
        raise provider_errors.of_provider(answer)
    return answer


def complete(answer: bytes, model: str, items: str, required: Mapping[str, object]) -> Response:
    """A provider's object, with missing fields added.

    Args:
        answer: the object as compact JSON.
        model: the model's name in the model server's response, used if the provider names none.
        items: the field with the list of results.
        required: the fields that clients require, with their default values.

    Raises:
        UpstreamError: 502, there are no results.
    """
    fields = decode_object(answer)
    opening = bytes(memoryview(fields.get(items, NULL))[:2])  # the value may be megabytes
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
