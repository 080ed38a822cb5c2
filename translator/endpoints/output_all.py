"""``output_all``: the tensor in which Seldon's OpenAI runtime returns a provider's whole answer.

It is OpenAI's JSON already, so it is made compact (the runtime indents it, which would tear an SSE
event into lines) and otherwise left as it is, to the digit.
"""

import msgspec
from msgspec import Raw

from translator.errors import UpstreamError
from translator.oip.errors import read_message
from translator.oip.response import InferenceResponse, is_present, unreadable
from translator.openai.errors import Envelope


class _View(msgspec.Struct):
    error: Raw = Raw()


_decode_view = msgspec.json.Decoder(_View).decode


def read(response: InferenceResponse) -> bytes | None:
    """The OpenAI object inside a response as compact JSON, or None when there is none.

    Raises:
        UpstreamError: 502, the tensor is there but does not hold one JSON object, or holds a
            provider's error.
    """
    texts = response.strings("output_all")
    if texts is None:
        return None
    if not texts or not texts[0].lstrip().startswith("{"):
        raise unreadable()
    try:
        compact = msgspec.json.format(texts[0], indent=-1)
    except (msgspec.DecodeError, RecursionError) as error:
        raise unreadable() from error
    answer = compact.encode()
    if is_present(_decode_view(answer).error):
        raise _provider_error(answer)
    return answer


def _provider_error(answer: bytes) -> UpstreamError:
    message = read_message(answer) or "The model provider failed."
    try:
        error = msgspec.json.decode(answer, type=Envelope).error
    except msgspec.ValidationError:
        return UpstreamError(message)
    code = "upstream_error" if error.code is None else str(error.code)
    return UpstreamError(message, type=error.type or "server_error", code=code, param=error.param)
