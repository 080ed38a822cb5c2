"""Embedding: texts or tokens go in, a vector for each comes out."""

from collections.abc import Iterable, Sequence

import msgspec

from translator.raw_json import Object
from translator.tasks.usage import UNKNOWN, TokenCounts


class Embedding(msgspec.Struct):
    """A request for vectors, of texts or of arrays of tokens; the other is empty.

    Attributes:
        texts: none of them empty.
        tokens: none of them empty; each number fits into 64 bits.
        parameters: all other fields of the request, as the client wrote them and in their order.
    """

    texts: Sequence[str]
    tokens: Sequence[Sequence[int]]
    parameters: Object

    @property
    def count(self) -> int:
        """How many vectors are wanted."""
        return len(self.texts) or len(self.tokens)


class Vectors(msgspec.Struct):
    """What a model server's response says.

    Attributes:
        model: the one that answered, as the server calls it, or "".
        tokens: as far as they are told.
        count: how many vectors there are.
        rows: each as a JSON list of numbers, made as it is asked for. Raises UpstreamError for what
            is no number.
        provided: a provider's own list of embeddings as JSON text, which says it all; or None.
    """

    model: str
    tokens: TokenCounts = UNKNOWN
    count: int = 0
    rows: Iterable[bytes] = ()
    provided: str | None = None
