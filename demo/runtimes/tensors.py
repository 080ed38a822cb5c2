"""Tensors and parameters of an inference request, read strictly: the malformed is refused."""

import json
import math
from collections.abc import Sequence
from typing import Any

from mlserver.codecs import StringCodec
from mlserver.errors import InferenceError
from mlserver.types import Datatype, InferenceRequest, ResponseOutput


def read_strings(request: InferenceRequest, name: str) -> list[str]:
    """Read a BYTES tensor.

    Args:
        request: The inference request.
        name: The tensor's name.

    Returns:
        Its elements in row-major order whatever its shape; an empty list if it is not there.

    Raises:
        InferenceError: If it is not BYTES, holds anything but strings, or disagrees with its shape.
    """
    tensor = next((tensor for tensor in request.inputs if tensor.name == name), None)
    if tensor is None:
        return []
    datatype = Datatype(tensor.datatype)  # decoded from JSON, it is a plain string
    if datatype is not Datatype.BYTES:
        raise InferenceError(f"tensor '{name}' must be BYTES, not {datatype.value}")
    # StringCodec decodes other values (nested lists, numbers) to empty strings.
    data = tensor.data.root
    if not isinstance(data, list) or not all(isinstance(element, str | bytes) for element in data):
        raise InferenceError(f"tensor '{name}' must hold a flat list of strings")
    if math.prod(tensor.shape) != len(data):
        raise InferenceError(f"tensor '{name}' has shape {tensor.shape} but {len(data)} elements")
    return list(StringCodec.decode_input(tensor))


def require_strings(request: InferenceRequest, name: str) -> list[str]:
    """Read a BYTES tensor as `read_strings` does, but refuse a request without it."""
    elements = read_strings(request, name)
    if not elements:
        raise InferenceError(f"tensor '{name}' is missing or empty")
    return elements


def write_strings(name: str, elements: Sequence[str]) -> ResponseOutput:
    """A BYTES tensor of shape [n, 1] with content type "str", for n strings."""
    return StringCodec.encode_output(name, list(elements))


def read_parameters(request: InferenceRequest, name: str) -> dict[str, Any]:
    """Read the object in parameter `name` of a request, without its null entries."""
    value = getattr(request.parameters, name, None) or {}
    if not isinstance(value, dict):
        raise InferenceError(f"parameter '{name}' must be an object")
    return {key: item for key, item in value.items() if item is not None}


def parse_json(text: str, name: str) -> Any:
    """Parse one JSON element of tensor `name`."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise InferenceError(f"tensor '{name}' holds invalid JSON: {error}") from error
