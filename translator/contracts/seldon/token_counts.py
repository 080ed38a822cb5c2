"""The token counts of a response: tensors, parameters, or an object ``usage`` in either."""

import msgspec
from msgspec import Raw

from translator.errors import UpstreamError
from translator.oip.response import InferenceResponse
from translator.raw_json import Object, decode_object
from translator.tasks import usage
from translator.tasks.usage import UNKNOWN, TokenCounts

TENSORS = ("usage", "prompt_tokens", "completion_tokens")
"""The tensors that settings can rename."""

_NAMES = frozenset((*usage.NAMES, "usage"))
_NOTHING = Raw(b"{}")


def read(response: InferenceResponse, *, shared_prompt: bool = True) -> TokenCounts:
    """The token counts of a response. Invalid counts are ignored; nothing is raised.

    Args:
        response: the model server's response.
        shared_prompt: see :func:`translator.tasks.usage.read`.
    """
    parameters = response.parameters or {}
    if _NAMES.isdisjoint(parameters) and _NAMES.isdisjoint(response.names):
        return UNKNOWN
    given = {**parameters, **{name: tensor.data for name, tensor in response.by_name.items()}}
    return usage.read({**given, **read_usage(response)}, shared_prompt=shared_prompt)


def read_usage(response: InferenceResponse) -> Object:
    """The fields of the object ``usage``; empty if there is none."""
    tensor = response.output("usage")
    try:
        if tensor is not None:
            text = "".join(tensor.strings())
        else:
            text = bytes((response.parameters or {}).get("usage", _NOTHING)).decode()
        return decode_object(msgspec.json.format(text, indent=-1))
    except (msgspec.DecodeError, UnicodeError, RecursionError, UpstreamError):
        return {}
