"""``embeddings``: OpenAI's request to a task, and vectors to OpenAI's list.

``encoding_format`` stays among the parameters, but a runtime that answers in a tensor knows nothing
of it, so the encoding is done here.
"""

import struct
from base64 import b64encode
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Raw

from translator.errors import unreadable
from translator.openai.embeddings import Embedding, EmbeddingList, Usage
from translator.openai.parameters import check_embeddings
from translator.openai.request import decode_body, decode_field, take, unsupported
from translator.operations import provider
from translator.operations.base import Inference, Operation, Response, only, take_model
from translator.operations.embeddings.input import read_input
from translator.raw_json import Object, encode
from translator.tasks.embedding import Vectors
from translator.tasks.model import Target

_ENCODINGS = ("float", "base64")

_decode_floats = msgspec.json.Decoder(list[float]).decode


def accept(body: bytes, target: Target) -> Inference:
    """Read a request. See :class:`~translator.operations.base.Operation`."""
    fields = decode_body(body)
    model = target.model(take_model(fields, target.model_in_url))
    given = take(fields, "input")
    task = read_input(given, fields, model.settings.max_inputs)
    check_embeddings(fields)
    as_base64 = _encoding_format(fields) == "base64"
    request, decode = model.embed(task)
    translate = _Translation(model.name, decode, task.count, as_base64)
    return Inference(model.name, request, translate.complete)


class _Translation(msgspec.Struct, frozen=True):
    """What the response depends on.

    Attributes:
        model: as the client named it.
        decode: reads the response.
        count: how many vectors were asked for.
        as_base64: how the client wants them.
    """

    model: str
    decode: Callable[[bytes], Vectors]
    count: int
    as_base64: bool

    def complete(self, responses: Sequence[bytes]) -> Response:
        """See :class:`~translator.operations.base.Inference`."""
        vectors = self.decode(only(responses))
        if vectors.provided is not None:
            required = {"object": "list", "model": self.model, "usage": Usage()}
            provided = provider.read(vectors.provided)
            return provider.complete(provided, vectors.model, "data", required)
        if vectors.count != self.count:  # before millions of vectors are made for nothing
            raise unreadable()
        write = _as_base64 if self.as_base64 else Raw
        data = [Embedding(index, write(row)) for index, row in enumerate(vectors.rows)]
        # The local runtime counts no tokens, but clients read the field: zeros, as others send.
        usage = Usage(vectors.tokens.prompt or 0, vectors.tokens.prompt or 0)
        return Response(
            encode(EmbeddingList(data, self.model, usage)), vectors.tokens, vectors.model
        )


def _encoding_format(fields: Object) -> str:
    given = fields.get("encoding_format")
    if given is None:
        return "float"
    wanted: str = decode_field(given, str | None, "encoding_format") or "float"
    if wanted not in _ENCODINGS:
        raise unsupported("encoding_format", wanted, _ENCODINGS)
    return wanted


def _as_base64(numbers: bytes) -> Raw:
    """Little-endian float32, which is what OpenAI means by base64."""
    try:
        vector = _decode_floats(numbers)
        packed = struct.pack(f"<{len(vector)}f", *vector)
    except (msgspec.ValidationError, OverflowError) as error:  # more than a float can hold
        raise unreadable() from error
    return Raw(b'"%b"' % b64encode(packed))


EMBEDDINGS = Operation("embeddings", "embeddings", accept, example=b'{"input":"x"}')
