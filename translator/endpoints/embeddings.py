"""``embeddings``: the input becomes the tensor input, the tensor embedding becomes vectors.

Parameters travel verbatim under ``embedding_parameters`` (read by the local embeddings runtime)
and ``llm_parameters`` (read by the OpenAI runtime). ``encoding_format`` is among them, but a
runtime that answers in a tensor knows nothing of it, so the encoding is done here.
"""

import sys
from array import array
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from translator.endpoints import output_all
from translator.endpoints.base import Endpoint, StreamTranslator, take_model
from translator.oip import request as oip
from translator.oip.response import OutputTensor, decode, unreadable
from translator.openai.embeddings import Embedding, EmbeddingList, Usage
from translator.openai.request import decode_body, decode_field, empty_array, take, unsupported

_ENCODINGS = ("float", "base64")


@dataclass(frozen=True, slots=True)
class EmbeddingsInference:
    """An embeddings request under way."""

    model: str | None
    streamed: bool = False
    base64: bool = False
    media_type: str = "application/json"

    def from_oip(self, body: bytes) -> bytes:
        """See :class:`~translator.endpoints.base.Inference`."""
        response = decode(body)
        complete = output_all.read(response)
        if complete is not None:
            return complete
        tensor = response.output("embedding")
        if tensor is None:
            raise unreadable()
        encode = _as_base64 if self.base64 else _as_floats
        vectors = [
            Embedding(index, Raw(encode(numbers))) for index, numbers in enumerate(_vectors(tensor))
        ]
        if not vectors:
            raise unreadable()
        model = self.model or response.model_name or ""
        # The local runtime counts no tokens, but clients read the field: zeros, as others send.
        return msgspec.json.encode(EmbeddingList(vectors, model, Usage()))

    def stream(self) -> StreamTranslator:
        """Embeddings are never streamed."""
        raise NotImplementedError


def to_oip(body: bytes, url_model: str | None) -> tuple[bytes, EmbeddingsInference]:
    """Translate a request body. See :class:`~translator.endpoints.base.Endpoint`."""
    fields = decode_body(body)
    model = take_model(fields, url_model)
    texts: str | list[str] = decode_field(take(fields, "input"), str | list[str], "input")
    texts = [texts] if isinstance(texts, str) else texts
    if not texts:
        raise empty_array("input")
    encoding = fields.get("encoding_format")
    wanted = "float" if encoding is None else _encoding_format(encoding)
    parameters = {"embedding_parameters": fields, "llm_parameters": fields}
    request = oip.InferenceRequest([oip.bytes_tensor("input", texts)], parameters)
    return oip.encode(request), EmbeddingsInference(model, base64=wanted == "base64")


def _encoding_format(raw: Raw) -> str:
    wanted: str = decode_field(raw, str | None, "encoding_format") or "float"
    if wanted not in _ENCODINGS:
        raise unsupported("encoding_format", wanted, _ENCODINGS)
    return wanted


def _vectors(tensor: OutputTensor) -> Iterator[list[bytes]]:
    """The numbers of each vector. The shape is ``[n, d]``, or ``[d]`` for a single vector."""
    numbers = tensor.numbers()
    if len(tensor.shape) > 1:
        count = tensor.shape[0]
    elif tensor.is_nested:
        raise unreadable()
    else:
        count = 1
    width, rest = divmod(len(numbers), count) if count > 0 else (0, 1)
    if not width or rest:
        raise unreadable()
    for start in range(0, len(numbers), width):
        yield numbers[start : start + width]


def _as_floats(numbers: list[bytes]) -> bytes:
    return b"[%b]" % b",".join(numbers)


def _as_base64(numbers: list[bytes]) -> bytes:
    """Little-endian float32, which is what OpenAI means by base64."""
    try:
        vector = array("f", map(float, numbers))
    except ValueError as error:  # the right bytes in no number's order
        raise unreadable() from error
    if sys.byteorder == "big":
        vector.byteswap()
    return b'"%b"' % b64encode(vector.tobytes())


def _inference(model: str | None, _streamed: bool) -> EmbeddingsInference:  # noqa: FBT001 -- signature
    return EmbeddingsInference(model)


EMBEDDINGS = Endpoint("embeddings", to_oip, _inference)
