"""The token counts in a response: tensors, parameters, or in an object ``usage`` that is either."""

import msgspec
from msgspec import Raw

from translator.errors import UpstreamError
from translator.oip.response import InferenceResponse
from translator.raw_json import Object, decode_object
from translator.tasks import usage
from translator.tasks.usage import UNKNOWN, TokenCounts

TENSORS = ("usage", "prompt_tokens", "completion_tokens")
"""The tensors that settings may rename."""

_NAMES = frozenset((*usage.NAMES, "usage"))
_NOTHING = Raw(b"{}")


def read(response: InferenceResponse, *, shared_prompt: bool = True) -> TokenCounts:
    """The token counts in a response. Whatever is no count is none; nothing is raised.

    Args:
        response: the model server's.
        shared_prompt: as for :func:`translator.tasks.usage.read`.
    """
    parameters = response.parameters or {}
    if _NAMES.isdisjoint(parameters) and _NAMES.isdisjoint(response.names):
        return UNKNOWN
    given = {**parameters, **{name: tensor.data for name, tensor in response.by_name.items()}}
    return usage.read({**given, **read_usage(response)}, shared_prompt=shared_prompt)


def read_usage(response: InferenceResponse) -> Object:
    """What stands in the object ``usage``; empty if there is none."""
    tensor = response.output("usage")
    try:
        if tensor is not None:
            text = "".join(tensor.strings())
        else:
            text = bytes((response.parameters or {}).get("usage", _NOTHING)).decode()
        return decode_object(msgspec.json.format(text, indent=-1))
    except (msgspec.DecodeError, UnicodeError, RecursionError, UpstreamError):
        return {}
