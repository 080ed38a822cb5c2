"""The task of embedding: texts or token arrays in, one vector for each out."""

from collections.abc import Iterable, Sequence

import msgspec

from translator.raw_json import Object
from translator.tasks.usage import UNKNOWN, TokenCounts


class Embedding(msgspec.Struct):
    """A request for the vectors of either texts or token arrays; the other list is empty.

    Attributes:
        texts: no text is empty.
        tokens: no array is empty, and each token fits into 64 bits.
        parameters: all other fields of the request, as the client wrote them and in their order.
    """

    texts: Sequence[str]
    tokens: Sequence[Sequence[int]]
    parameters: Object

    @property
    def count(self) -> int:
        """The number of requested vectors."""
        return len(self.texts) or len(self.tokens)


class Vectors(msgspec.Struct):
    """A decoded response.

    Attributes:
        model: the model's name in the response, or "".
        tokens: the token counts in the response.
        count: the number of vectors.
        rows: each vector as a JSON list of numbers, made during iteration. Raises UpstreamError for
            an element that is not a number.
        provided: a provider's list of embeddings as JSON text, instead of ``rows``; or None.
    """

    model: str
    tokens: TokenCounts = UNKNOWN
    count: int = 0
    rows: Iterable[bytes] = ()
    provided: str | None = None
