"""The interface between operations and contracts: a model that encodes tasks."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from translator.tasks.drawing import Drawing, DrawnImages
from translator.tasks.embedding import Embedding, Vectors
from translator.tasks.generation import Generation, Output

S = TypeVar("S")


class UpstreamRequest(msgspec.Struct):
    """The request to the model server.

    Attributes:
        path: the path of the URL.
        body: JSON.
        streamed: whether a stream of events is requested.
        headers: headers that route the request to the model.
        method: the HTTP method.
        end_of_stream: the data of the event that ends a stream; b"" if there is no such event.
    """

    path: str
    body: bytes
    streamed: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    end_of_stream: bytes = b""


Asked = tuple[UpstreamRequest, Callable[[bytes], S]]
"""The request for a task, and a decoder for its whole response, or for one event of a stream.

Decoding raises UpstreamError for an error in the response, and for an invalid response.
"""


class Bounds(Protocol):
    """The settings of a model that operations use."""

    @property
    def max_messages(self) -> int:
        """The maximum number of messages in a conversation."""

    @property
    def max_inputs(self) -> int:
        """The maximum number of texts or token arrays in one request."""

    @property
    def carried_fields(self) -> Sequence[str]:
        """The extra fields of messages that are sent to the model."""

    @property
    def ask_usage(self) -> bool:
        """Whether to request the token counts of every stream."""


class Tokenizer(Protocol):
    """The tokenizer of the clients of a model."""

    @property
    def ids(self) -> frozenset[int]:
        """All token ids."""

    def decode(self, ids: Sequence[int]) -> str:
        """Decode tokens, all of which are in ``ids``, without the special tokens."""


class Model(Protocol):
    """One model. A task that its contract does not support raises ClientError."""

    @property
    def name(self) -> str:
        """The name in the request."""

    @property
    def settings(self) -> Bounds:
        """The settings of the model that operations use."""

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer to decode token arrays with, or None to send them as they are."""

    def generate(self, task: Generation) -> Asked[Output]:
        """Encode a conversation. May remove parameters from the task."""

    def embed(self, task: Embedding) -> Asked[Vectors]:
        """Encode texts or token arrays."""

    def draw(self, task: Drawing) -> Asked[DrawnImages]:
        """Encode a prompt."""


class Target(Protocol):
    """The models, and what the URL of a request selects."""

    @property
    def model_in_url(self) -> str | None:
        """The model in the URL, or None."""

    @property
    def default_model(self) -> str | None:
        """The model for requests that name none in the URL or the body, or None."""

    @property
    def url_decides(self) -> bool:
        """Whether the model is the URL's, whatever the body says."""

    def model(self, name: str) -> Model:
        """The model with this name."""
