"""Drawing for Seldon's OpenAI runtime: the tensor ``prompt`` in, the tensor ``output_all`` out.

Parameters are sent verbatim under ``llm_parameters``. A runtime without ``output_all`` may return
images in a BYTES tensor.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from translator.contracts.base import Call
from translator.contracts.seldon import images, token_counts
from translator.contracts.seldon.wire import Wire, provided
from translator.oip.request import bytes_tensor
from translator.tasks.drawing import Drawing, DrawnImages

if TYPE_CHECKING:
    from translator.contracts.settings import ModelSettings

_RUNTIME = "llm_parameters"

INPUTS = frozenset({"prompt"})
OUTPUTS = frozenset({"image", "output_all", *token_counts.TENSORS})


def ask(
    wire: Wire, task: Drawing, settings: "ModelSettings"
) -> tuple[Call, Callable[[bytes], DrawnImages]]:
    """See :data:`~translator.contracts.base.Codec`."""
    inputs = [bytes_tensor("prompt", [task.prompt])]
    return wire.call(inputs, task.parameters, _RUNTIME, settings), partial(_decode, wire, settings)


def _decode(wire: Wire, settings: "ModelSettings", body: bytes) -> DrawnImages:
    response = wire.read(body, settings, OUTPUTS)
    model = response.model_name or ""
    provider = provided(response)
    if provider is not None:
        return DrawnImages(model, provided=provider)
    return DrawnImages(model, token_counts.read(response), images.read(response))
