"""The token counts in an OIP response, under any of the names that runtimes give them.

They may be tensors, response parameters, or in an object called ``usage`` that is either.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
from msgspec import Raw

from translator.errors import UpstreamError
from translator.oip.response import InferenceResponse

_PROMPT = ("prompt_tokens", "num_input_tokens", "input_tokens")
_COMPLETION = ("completion_tokens", "num_output_tokens", "output_tokens")
_NAMES = frozenset((*_PROMPT, *_COMPLETION, "usage"))
_MOST_DIGITS = 18  # of a count, in 64 bits


class TokenCounts(NamedTuple):
    """What is known; None is what is not."""

    prompt: int | None = None
    completion: int | None = None

    def then(self, later: "TokenCounts") -> "TokenCounts":
        """These, but for what ``later`` knows."""
        return TokenCounts(
            self.prompt if later.prompt is None else later.prompt,
            self.completion if later.completion is None else later.completion,
        )


UNKNOWN = TokenCounts()


def read(response: InferenceResponse, *, shared_prompt: bool = True) -> TokenCounts:
    """The token counts in a response. Whatever is no count is none; nothing is raised.

    Args:
        response: the answer of the model server.
        shared_prompt: several prompt counts are the same one, told for each choice; else each is
            that of another input, and they add up. Completions always do.
    """
    parameters = response.parameters or {}
    if _NAMES.isdisjoint(parameters) and _NAMES.isdisjoint(response.names):
        return UNKNOWN
    given = {**parameters, **{name: tensor.data for name, tensor in response.by_name.items()}}
    given |= _usage(response)
    return _counts(given, max if shared_prompt else sum)


def of_usage(usage: Raw | None) -> TokenCounts:
    """The token counts in an OpenAI ``usage`` object; nothing is raised."""
    try:
        return _counts(_decode_object(usage or _NOTHING), max)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return UNKNOWN


def _counts(given: Mapping[str, Raw], several_prompts: Callable[[list[int]], int]) -> TokenCounts:
    prompt, completion = _numbers(given, _PROMPT), _numbers(given, _COMPLETION)
    return TokenCounts(_known(several_prompts(prompt or [-1])), _known(sum(completion or [-1])))


def _known(count: int) -> int | None:
    """A count that clients and exporters can take: 64 bits."""
    return count if 0 <= count < 2**63 else None


def _usage(response: InferenceResponse) -> Mapping[str, Raw]:
    """What stands in the object ``usage``; empty if there is none."""
    tensor = response.output("usage")
    try:
        if tensor is not None:
            return _decode_object("".join(tensor.strings()))
        return _decode_object((response.parameters or {}).get("usage", _NOTHING))
    except (msgspec.DecodeError, UnicodeError, RecursionError, UpstreamError):
        return {}


_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_NOTHING = Raw(b"{}")


def _numbers(given: Mapping[str, Raw], names: tuple[str, ...]) -> list[int]:
    """What stands under the first of the names that has numbers."""
    for name in names:
        numbers = bytes(given.get(name, b"")).translate(None, b'[]" \t\r\n').split(b",")
        if all(digits.isdigit() and len(digits) <= _MOST_DIGITS for digits in numbers):
            return [int(digits) for digits in numbers]
    return []
