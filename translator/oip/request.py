"""The body of a POST to ``/v2/models/<m>/infer``: tensors and parameters.

Source: Open Inference Protocol, ``inference_request``. Data is always a flat list, because MLServer
silently decodes nested BYTES data to "".
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw


class InputTensor(msgspec.Struct):
    """A named input. ``shape`` has the element counts, ``data`` the elements in row-major order."""

    name: str
    shape: list[int]
    datatype: str
    data: Sequence[str] | Sequence[int]


class InferenceRequest(msgspec.Struct):
    """An inference request. Objects under ``parameters`` are Seldon's extension."""

    inputs: list[InputTensor]
    parameters: Mapping[str, Mapping[str, Raw] | Raw]


def bytes_tensor(name: str, elements: Sequence[str]) -> InputTensor:
    """A BYTES tensor of shape ``[len(elements)]``."""
    return InputTensor(name, [len(elements)], "BYTES", elements)


encode = msgspec.json.Encoder().encode
