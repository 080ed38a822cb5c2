"""The type of a contract: how tasks are encoded for a model server and its responses decoded."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec

from translator.tasks.drawing import Drawing, DrawnImages
from translator.tasks.embedding import Embedding, Vectors
from translator.tasks.generation import Generation, Output

if TYPE_CHECKING:  # the settings import the contracts, so contracts cannot import them
    from translator.contracts.settings import ModelSettings

T = TypeVar("T")
S = TypeVar("S")


class Call(msgspec.Struct):
    """A task, encoded for the model server.

    Attributes:
        verb: the end of the path, such as ``infer``.
        body: JSON.
        streamed: whether a stream of events is requested.
        headers: further headers for the model server.
        end_of_stream: the data of the event that ends a stream; b"" if there is no such event.
    """

    verb: str
    body: bytes
    streamed: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    end_of_stream: bytes = b""


Codec = Callable[[T, "ModelSettings"], tuple[Call, Callable[[bytes], S]]]
"""Encodes a task. Returns the call and a decoder for its response, or for one event of a stream.

Encoding raises ClientError for values that the contract cannot represent; decoding raises
UpstreamError for an error in the response and for an invalid response.
"""

Tensors = Mapping[str, frozenset[str]]
"""The names of tensors by task. Renamed tensors of one task must have different names."""


class Contract(msgspec.Struct, frozen=True):
    """One contract. Its models do not support the tasks that have no codec.

    Attributes:
        name: the name in the settings.
        generate: codec of :class:`~translator.tasks.generation.Generation`.
        embed: codec of :class:`~translator.tasks.embedding.Embedding`.
        draw: codec of :class:`~translator.tasks.drawing.Drawing`.
        can_stream: whether its models can return a stream of events.
        inputs: the input tensors that settings can rename.
        outputs: the output tensors that settings can rename.
        message_fields: the extra fields of messages that it sends by default, each as a tensor of
            its name.
        mesh_suffix: the suffix that a Seldon mesh requires on the names of such models.
    """

    name: str
    generate: Codec[Generation, Output] | None = None
    embed: Codec[Embedding, Vectors] | None = None
    draw: Codec[Drawing, DrawnImages] | None = None
    can_stream: bool = True
    inputs: Tensors = {}
    outputs: Tensors = {}
    message_fields: tuple[str, ...] = ()
    mesh_suffix: str = ""
