"""What a contract is: how each task reaches a model server, and how its responses are read."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec

from translator.tasks.drawing import Drawing, DrawnImages
from translator.tasks.embedding import Embedding, Vectors
from translator.tasks.generation import Generation, Output

if TYPE_CHECKING:  # the settings name contracts, so no contract imports them
    from translator.contracts.settings import ModelSettings

T = TypeVar("T")
S = TypeVar("S")


class Call(msgspec.Struct):
    """A task as the model server takes it.

    Attributes:
        verb: what is asked of the model, the end of the path.
        body: JSON.
        streamed: the response is to be events.
        headers: what else the model server must be told.
        end_of_stream: the data of the event that ends a stream; b"" if only the body ends.
    """

    verb: str
    body: bytes
    streamed: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    end_of_stream: bytes = b""


Codec = Callable[[T, "ModelSettings"], tuple[Call, Callable[[bytes], S]]]
"""Encodes a task, and gives what decodes a response to it, or one event of one.

Encoding raises ClientError for what the contract cannot carry; decoding raises UpstreamError for an
error in the response and for what cannot be understood.
"""

Tensors = Mapping[str, frozenset[str]]
"""The names of tensors for each task: those of one task must stay apart when they are renamed."""


class Contract(msgspec.Struct, frozen=True):
    """One contract. A task without a codec cannot be given to its models.

    Attributes:
        name: as settings say it.
        generate: of :class:`~translator.tasks.generation.Generation`.
        embed: of :class:`~translator.tasks.embedding.Embedding`.
        draw: of :class:`~translator.tasks.drawing.Drawing`.
        can_stream: its models can be asked for a stream of events.
        inputs: the tensors that settings may rename.
        outputs: likewise.
        mesh_suffix: what a Seldon mesh appends to the names of such models.
    """

    name: str
    generate: Codec[Generation, Output] | None = None
    embed: Codec[Embedding, Vectors] | None = None
    draw: Codec[Drawing, DrawnImages] | None = None
    can_stream: bool = True
    inputs: Tensors = {}
    outputs: Tensors = {}
    mesh_suffix: str = ""
