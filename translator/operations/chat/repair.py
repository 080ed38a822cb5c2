"""Repairs of the output of providers, whole or in chunks.

Objects are decoded only as far as necessary, so that unknown fields keep their order and their
digits. Correct output does not come here.
"""

import re
from typing import Any

import msgspec
from msgspec import Raw

from translator.coerce import coerce
from translator.openai import chat_parts as parts
from translator.raw_json import (
    ABSENT,
    NULL,
    Object,
    decode_object,
    is_null,
    is_present,
    opening,
    raw,
)
from translator.tasks.generation import finish_reason
from translator.tasks.repair import Repair
from translator.tasks.usage import TokenCounts

TEXTS = ("content", "refusal", "reasoning_content")
"""The texts of a message."""

_DOOMSDAY = 10**12
_DIGITS = re.compile("[0-9]{1,12}")
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_NO_LOGPROBS = {"content": NULL, "refusal": NULL}
_USAGE = (parts.CompletionUsage, parts.PromptTokensDetails, parts.CompletionTokensDetails)
_LOGPROBS = (parts.ChoiceParts, parts.Logprobs, parts.TokenLogprob, parts.TopLogprob)
_MESSAGE = (
    parts.MessageParts,
    parts.DeltaParts,
    parts.Annotation,
    parts.UrlCitation,
    parts.Audio,
    parts.AudioDelta,
)
_KINDS = {
    parts.Head: Repair.HEAD,
    **dict.fromkeys(_MESSAGE, Repair.MESSAGE),
    **dict.fromkeys(_LOGPROBS, Repair.LOGPROBS),
    **dict.fromkeys(_USAGE, Repair.USAGE),
}


def time(value: Any) -> int | None:
    """A time in seconds since the epoch, or None if the value is not a time."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    is_time = isinstance(value, int | float) and 0 < value < _DOOMSDAY
    return int(value) if is_time else None


def identity(value: Any) -> str | None:
    """An id as text, or None; some providers use numbers."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value if value and isinstance(value, str) else None


def fit(value: bytes | Raw, kind: type[msgspec.Struct], repairs: set[Repair]) -> Raw:
    """Make a value fit a type; the kinds of repairs are added to ``repairs``.

    Raises:
        msgspec.ValidationError: it cannot be made to fit.
    """
    fitted, changed = coerce(value, kind)
    for item in changed:
        repairs.update(_KINDS[base] for base in item.__mro__ if base in _KINDS)
    return fitted


def texts(message: Object) -> None:
    """Convert content in parts to text; thoughts become ``reasoning_content``."""
    for name in TEXTS:
        given = message.get(name, NULL)
        if is_null(given) or opening(given) == ord('"'):
            continue
        said, thought = _parts(decoded(given))
        message[name] = raw(said) if said or (name == "content" and not thought) else NULL
        if thought and not is_present(message.get("reasoning_content", NULL)):
            message["reasoning_content"] = raw(thought)


def _parts(given: Any) -> tuple[str, str]:
    texts, thoughts = [], []
    for part in given if isinstance(given, list) else [given]:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            if isinstance(part.get("text"), str):
                texts.append(part["text"])
            elif "thinking" in part:
                thoughts.append("".join(_parts(part["thinking"])))
    return "".join(texts), "".join(thoughts)


def call(given: Object, own_id: str, name: str, *, custom: bool) -> Object:
    """The first piece of a call, with id, type and name.

    Args:
        given: the provider's piece.
        own_id: the id of the call.
        name: the whole name.
        custom: whether it calls a custom tool.
    """
    payload, said = ("custom", "input") if custom else ("function", "arguments")
    fields = decode_object(given[payload]) if is_present(given.get(payload, NULL)) else {}
    fields = {"name": raw(name)} | fields | {"name": raw(name)}
    text = fields.get(said, ABSENT)
    if text is ABSENT or opening(text) != ord('"'):
        fields[said] = raw(arguments_of(text))
    return given | {"id": raw(own_id), "type": raw(payload), payload: raw(fields)}


def arguments_of(value: Raw) -> str:
    """Arguments as text, from a string, an object or nothing."""
    if not is_present(value):
        return ""
    if opening(value) == ord('"'):
        return msgspec.json.decode(value, type=str)
    return bytes(value).decode()


def reason(value: Any) -> str:
    """OpenAI's finish reason, ``error``, or "" if there is none."""
    return finish_reason(str(value)) if value else ""


def logprobs(value: Raw, repairs: set[Repair]) -> Raw:
    """Logprobs whose tokens have all fields that OpenAI requires; null if the value is invalid."""
    try:
        fitted = fit(value, parts.Logprobs, repairs)
    except msgspec.ValidationError:
        repairs.add(Repair.LOGPROBS)
        return NULL
    return fitted if fitted is value else raw(_NO_LOGPROBS | decode_object(fitted))


def usage(given: Object, tokens: TokenCounts, repairs: set[Repair]) -> Raw:
    """A usage object with all three counts, zeros if unknown, and its other fields."""
    prompt, completion = tokens.prompt or 0, tokens.completion or 0
    total = _number(given.get("total_tokens", NULL))
    if tokens.completion is None and total is not None and tokens.prompt is not None:
        completion = max(0, total - prompt)
    numbers = (prompt, completion, prompt + completion if total is None else total)
    counts = {name: raw(number) for name, number in zip(_COUNTS, numbers, strict=True)}
    if any(given.get(name) != number for name, number in counts.items()):
        repairs.add(Repair.USAGE)
    return fit(raw(counts | given | counts), parts.CompletionUsage, repairs)


def usage_of(given: Raw, tokens: TokenCounts, repairs: set[Repair]) -> Raw:
    """A provider's usage, unchanged if it is correct."""
    try:
        _decode_usage(given)
    except msgspec.ValidationError:
        return usage(decode_object(given) if opening(given) == ord("{") else {}, tokens, repairs)
    return given


_decode_usage = msgspec.json.Decoder(parts.CompletionUsage).decode


def _number(value: Raw) -> int | None:
    number = decoded(value)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    is_count = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**63
    return number if is_count else None


def decoded(value: Raw) -> Any:
    """The decoded value."""
    return msgspec.json.decode(value)
