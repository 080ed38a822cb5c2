"""``embeddings``: the input becomes the tensor input, the tensor embedding becomes vectors.

Parameters travel verbatim under ``embedding_parameters`` (read by the local embeddings runtime)
and ``llm_parameters`` (read by the OpenAI runtime). ``encoding_format`` is among them, but a
runtime that answers in a tensor knows nothing of it, so the encoding is done here.
"""

import struct
from base64 import b64encode
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from translator.endpoints import output_all, token_counts
from translator.endpoints.base import Endpoint, StreamTranslator, WholeAnswer, take_model
from translator.endpoints.embedding_input import input_tensor
from translator.endpoints.model_settings import DEFAULT, DEFAULTS, Models, ModelSettings
from translator.endpoints.stream import only_event
from translator.oip.response import InferenceResponse, OutputTensor, unreadable
from translator.openai.embeddings import Embedding, EmbeddingList, Usage
from translator.openai.parameters import check_embeddings
from translator.openai.request import (
    decode_body,
    decode_field,
    take,
    unsupported,
)

_ENCODINGS = ("float", "base64")
_FLOATS = ("FP16", "BF16", "FP32", "FP64")

_decode_floats = msgspec.json.Decoder(list[float]).decode


@dataclass(frozen=True, slots=True)
class EmbeddingsInference:
    """An embeddings request under way. ``inputs``: how many vectors it asks for, if known."""

    model: str | None
    streamed: bool = False
    base64: bool = False
    inputs: int | None = None
    as_events: bool = False
    settings: ModelSettings = DEFAULT

    def from_oip(self, body: bytes) -> WholeAnswer:
        """See :class:`~translator.endpoints.base.Inference`."""
        response = self.settings.decode(body)
        complete = output_all.read(response)
        if complete is not None:
            model = self.model or response.model_name or ""
            required = {"object": "list", "model": model, "usage": Usage()}
            return output_all.complete(complete, response, "data", required)
        tensor = _tensor(response)
        count = tensor.shape[0] if len(tensor.shape) > 1 else 1
        if self.inputs not in (None, count):  # before millions of vectors are made for nothing
            raise unreadable()
        encode = _as_base64 if self.base64 else Raw
        vectors = [Embedding(index, encode(row)) for index, row in enumerate(tensor.rows())]
        answered_by = response.model_name or ""
        tokens = token_counts.read(response, shared_prompt=False)
        # The local runtime counts no tokens, but clients read the field: zeros, as others send.
        usage = Usage(tokens.prompt or 0, tokens.prompt or 0)
        answer = EmbeddingList(vectors, self.model or answered_by, usage)
        return WholeAnswer(msgspec.json.encode(answer), tokens, answered_by)

    def from_events(self, body: bytes) -> WholeAnswer:
        """See :class:`~translator.endpoints.base.Inference`."""
        return self.from_oip(only_event(body))

    def stream(self, _limit: int | None = None) -> StreamTranslator:
        """Embeddings are never streamed."""
        raise NotImplementedError


def to_oip(
    body: bytes, url_model: str | None, models: Models = DEFAULTS
) -> tuple[bytes, EmbeddingsInference]:
    """Translate a request body. See :class:`~translator.endpoints.base.Endpoint`."""
    fields = decode_body(body)
    model = take_model(fields, url_model)
    settings = models.of(model)
    tensor = input_tensor(take(fields, "input"), settings)
    check_embeddings(fields)
    encoding = fields.get("encoding_format")
    wanted = "float" if encoding is None else _encoding_format(encoding)
    inference = EmbeddingsInference(
        model, base64=wanted == "base64", inputs=tensor.shape[0], settings=settings
    )
    return settings.encode([tensor], fields, "embedding_parameters"), inference


def _encoding_format(raw: Raw) -> str:
    wanted: str = decode_field(raw, str | None, "encoding_format") or "float"
    if wanted not in _ENCODINGS:
        raise unsupported("encoding_format", wanted, _ENCODINGS)
    return wanted


def _tensor(response: InferenceResponse) -> OutputTensor:
    """The output that holds the vectors: the one of that name, else the only one of floats."""
    named = response.output("embedding")
    if named is not None:
        return named
    floats = [tensor for tensor in response.outputs if tensor.datatype in _FLOATS]
    if len(floats) != 1:
        raise unreadable()
    return floats[0]


def _as_base64(numbers: bytes) -> Raw:
    """Little-endian float32, which is what OpenAI means by base64."""
    try:
        vector = _decode_floats(numbers)
        packed = struct.pack(f"<{len(vector)}f", *vector)
    except (msgspec.ValidationError, OverflowError) as error:  # more than a float can hold
        raise unreadable() from error
    return Raw(b'"%b"' % b64encode(packed))


def _inference(model: str | None, _streamed: bool) -> EmbeddingsInference:  # noqa: FBT001 -- signature
    return EmbeddingsInference(model)


EMBEDDINGS = Endpoint("embeddings", to_oip, _inference)
