"""A model that tasks are given to: what an operation sees of the side of model servers."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from translator.tasks.drawing import Drawing, DrawnImages
from translator.tasks.embedding import Embedding, Vectors
from translator.tasks.generation import Generation, Output

S = TypeVar("S")


class UpstreamRequest(msgspec.Struct):
    """What is sent to the model server.

    Attributes:
        path: of the URL.
        body: JSON.
        streamed: the response is asked for as events.
        headers: those that say for whom it is.
        method: of HTTP.
        end_of_stream: the data of the event that ends a stream; b"" if only the body ends.
    """

    path: str
    body: bytes
    streamed: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    end_of_stream: bytes = b""


Asked = tuple[UpstreamRequest, Callable[[bytes], S]]
"""What to send for a task, and what decodes a whole response to it, or one event of a stream.

Decoding raises UpstreamError for an error in the response, and for what cannot be understood.
"""


class Bounds(Protocol):
    """What a request to a model may hold, and what is asked besides."""

    @property
    def max_messages(self) -> int:
        """The most messages that a conversation may have."""

    @property
    def max_inputs(self) -> int:
        """The most texts or arrays of tokens in one request."""

    @property
    def ask_usage(self) -> bool:
        """Whether to ask for the token counts of every stream."""


class Tokenizer(Protocol):
    """Turns the tokens that clients send into the text that they stand for."""

    @property
    def ids(self) -> frozenset[int]:
        """All tokens that there are."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, each of which is one of ``ids``; "" where they are no text."""


class Model(Protocol):
    """One model. A task that it cannot be given is a ClientError."""

    @property
    def name(self) -> str:
        """As clients call it."""

    @property
    def settings(self) -> Bounds:
        """Those of its settings that concern operations."""

    @property
    def tokenizer(self) -> Tokenizer | None:
        """What tokens are to be decoded with; None where the model is given the tokens."""

    def generate(self, task: Generation) -> Asked[Output]:
        """Give it a conversation, whose parameters it may take from."""

    def embed(self, task: Embedding) -> Asked[Vectors]:
        """Give it texts or tokens."""

    def draw(self, task: Drawing) -> Asked[DrawnImages]:
        """Give it a prompt."""


class Target(Protocol):
    """What a request line and the settings say of the models that can be asked."""

    @property
    def model_in_url(self) -> str | None:
        """The model that the URL names, or None where it names none."""

    @property
    def default_model(self) -> str | None:
        """The model of a request that names none, neither in its URL nor in its body."""

    def model(self, name: str) -> Model:
        """The model that a client calls ``name``."""
