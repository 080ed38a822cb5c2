"""Limits a provider's object before it is repaired, which costs much for each of its values."""

import msgspec
from msgspec import Raw

from translator.errors import unreadable
from translator.tasks.generation import MOST_CHOICES
from translator.tasks.tool_calls import MOST_CALLS
from translator.value_count import MANY, exceeds

_LEAST = len("{},") * MOST_CHOICES  # characters of an object that has too many choices or calls
_BYTES_PER_VALUE = 5  # for each value beyond MANY; logprobs with the bytes of tokens have 8


class _Message(msgspec.Struct):
    tool_calls: list[Raw] | None = None


class _Choice(msgspec.Struct):
    delta: _Message | None = None
    message: _Message | None = None


class _Object(msgspec.Struct):
    choices: list[_Choice] | None = None


_decode = msgspec.json.Decoder(_Object).decode


def check_size(text: str) -> None:
    """Refuse an object with far too many values, choices or tool calls.

    Args:
        text: a provider's chunk or completion.

    Raises:
        UpstreamError: 502, it has too many.
        msgspec.DecodeError: it is not valid JSON.
        RecursionError: it is nested too deeply.
    """
    if len(text) <= _LEAST:
        return
    if len(text) > MANY and exceeds(text.encode(), MANY + len(text) // _BYTES_PER_VALUE):
        raise unreadable()
    try:
        choices = _decode(text).choices or ()
    except msgspec.ValidationError:  # to be repaired, or refused
        return
    messages = [given for choice in choices for given in (choice.delta, choice.message) if given]
    most = max((len(message.tool_calls or ()) for message in messages), default=0)
    if len(choices) > MOST_CHOICES or most > MOST_CALLS:
        raise unreadable()
