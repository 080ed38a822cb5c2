"""Token counts, under any of the names that runtimes use for them."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Raw

from translator.raw_json import decode_object

_PROMPT = ("prompt_tokens", "num_input_tokens", "input_tokens")
_COMPLETION = ("completion_tokens", "num_output_tokens", "output_tokens")
NAMES = frozenset((*_PROMPT, *_COMPLETION))
"""All names of counts."""

_MOST_DIGITS = 18  # of a count, so that it fits into 64 bits


class TokenCounts(NamedTuple):
    """The known counts; None if unknown."""

    prompt: int | None = None
    completion: int | None = None

    def then(self, later: "TokenCounts") -> "TokenCounts":
        """The counts of ``later``, and these where ``later`` has none."""
        return TokenCounts(
            self.prompt if later.prompt is None else later.prompt,
            self.completion if later.completion is None else later.completion,
        )


UNKNOWN = TokenCounts()


def of_usage(usage: Raw | None) -> TokenCounts:
    """The token counts of an OpenAI ``usage`` object. Nothing is raised."""
    try:
        return read(decode_object(usage or _NOTHING))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return UNKNOWN


def read(given: Mapping[str, Raw], *, shared_prompt: bool = True) -> TokenCounts:
    """The token counts among named values. Invalid counts are ignored.

    Args:
        given: JSON texts by name: a number or a list of numbers; numbers may be in quotes.
        shared_prompt: whether several prompt counts are one count, repeated for each choice. If
            not, each is the count of another input, and they are added. Completion counts are
            always added.
    """
    prompt, completion = _numbers(given, _PROMPT), _numbers(given, _COMPLETION)
    of_prompts = max if shared_prompt else sum
    return TokenCounts(_known(of_prompts(prompt or [-1])), _known(sum(completion or [-1])))


def _known(count: int) -> int | None:
    """A count, or None if it does not fit into 64 bits, as clients and exporters need."""
    return count if 0 <= count < 2**63 else None


_NOTHING = Raw(b"{}")


def _numbers(given: Mapping[str, Raw], names: tuple[str, ...]) -> list[int]:
    """The numbers under the first of the names that has any."""
    for name in names:
        digits = bytes(given.get(name, b"")).translate(None, b'[]" \t\r\n').split(b",")
        numbers = [
            number.removesuffix(b".0") for number in digits
        ]  # as written by languages without integers
        if all(digits.isdigit() and len(digits) <= _MOST_DIGITS for digits in numbers):
            return [int(digits) for digits in numbers]
    return []
