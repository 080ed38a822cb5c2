"""How many tokens a model read and wrote, under any of the names that runtimes give the counts."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Raw

from translator.raw_json import decode_object

_PROMPT = ("prompt_tokens", "num_input_tokens", "input_tokens")
_COMPLETION = ("completion_tokens", "num_output_tokens", "output_tokens")
NAMES = frozenset((*_PROMPT, *_COMPLETION))
"""What a count may be called."""

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


def of_usage(usage: Raw | None) -> TokenCounts:
    """The token counts in an OpenAI ``usage`` object; nothing is raised."""
    try:
        return read(decode_object(usage or _NOTHING))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return UNKNOWN


def read(given: Mapping[str, Raw], *, shared_prompt: bool = True) -> TokenCounts:
    """The token counts among values given by name. Whatever is no count is none.

    Args:
        given: each a number, or a list of numbers, as JSON text; numbers may be in quotes.
        shared_prompt: several prompt counts are the same one, told for each choice; else each is
            that of another input, and they add up. Completions always do.
    """
    prompt, completion = _numbers(given, _PROMPT), _numbers(given, _COMPLETION)
    of_prompts = max if shared_prompt else sum
    return TokenCounts(_known(of_prompts(prompt or [-1])), _known(sum(completion or [-1])))


def _known(count: int) -> int | None:
    """A count that clients and exporters can take: 64 bits."""
    return count if 0 <= count < 2**63 else None


_NOTHING = Raw(b"{}")


def _numbers(given: Mapping[str, Raw], names: tuple[str, ...]) -> list[int]:
    """What stands under the first of the names that has numbers."""
    for name in names:
        digits = bytes(given.get(name, b"")).translate(None, b'[]" \t\r\n').split(b",")
        numbers = [
            number.removesuffix(b".0") for number in digits
        ]  # of a language without integers
        if all(digits.isdigit() and len(digits) <= _MOST_DIGITS for digits in numbers):
            return [int(digits) for digits in numbers]
    return []
