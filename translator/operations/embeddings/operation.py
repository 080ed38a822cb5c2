"""``embeddings``: OpenAI's request to a task, and vectors to OpenAI's list.

``encoding_format`` stays among the parameters, but runtimes that return a tensor ignore it, so
vectors are encoded as base64 here.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Raw

from translator.errors import unreadable
from translator.openai.embeddings import Embedding, EmbeddingList, Usage
from translator.openai.parameters import check_embeddings
from translator.openai.request import decode_body, decode_field, take, unsupported
from translator.operations import provider
from translator.operations.base import Inference, Operation, Response, only, take_model
from translator.operations.embeddings import provided
from translator.operations.embeddings.input import read_input
from translator.operations.embeddings.vectors import to_base64
from translator.operations.wording import wording_of
from translator.raw_json import Object, encode
from translator.tasks.embedding import Vectors
from translator.tasks.model import Target

_ENCODINGS = ("float", "base64")


def accept(body: bytes, target: Target) -> Inference:
    """Read a request. See :class:`~translator.operations.base.Operation`."""
    fields = decode_body(body, b":")  # its input counts itself
    model = target.model(take_model(fields, target))
    given = take(fields, "input")
    task = read_input(given, fields, model)
    check_embeddings(fields)
    as_base64 = _encoding_format(fields) == "base64"
    request, decode = model.embed(task)
    translate = _Translation(model.name, decode, task.count, as_base64)
    wording = wording_of(body, "input")
    return Inference(model.name, request, translate.complete, wording=wording)


class _Translation(msgspec.Struct, frozen=True):
    """Translates the response.

    Attributes:
        model: the name in the client's request.
        decode: decodes the response.
        count: the number of requested vectors.
        as_base64: whether the client requested base64.
    """

    model: str
    decode: Callable[[bytes], Vectors]
    count: int
    as_base64: bool

    def complete(self, responses: Sequence[bytes]) -> Response:
        """See :class:`~translator.operations.base.Inference`."""
        vectors = self.decode(only(responses))
        if vectors.provided is not None:
            return provided.complete(
                provider.read(vectors.provided),
                self.model,
                vectors.model,
                count=self.count,
                wants_base64=self.as_base64,
            )
        if vectors.count != self.count:  # checked before millions of vectors are made
            raise unreadable()
        write = to_base64 if self.as_base64 else Raw
        data = [Embedding(index, write(row)) for index, row in enumerate(vectors.rows)]
        # The local runtime does not count tokens, but clients require the field: zeros.
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


EMBEDDINGS = Operation("embeddings", "embeddings", accept, example=b'{"input":"x"}')
