"""One repair for what providers say wrongly, be it whole or in a chunk.

Objects are taken apart no further than need be, so that fields nobody here knows keep their place
and their digits. What is in order never comes here.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw

from translator.raw_json import (
    ABSENT,
    NULL,
    Object,
    decode_list,
    decode_object,
    is_null,
    is_present,
    opening,
    raw,
)
from translator.tasks.generation import finish_reason
from translator.tasks.usage import TokenCounts

SERVICE_TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
"""What OpenAI's SDKs know; some of them refuse any other."""

_DOOMSDAY = 10**12
_MOST_DIGITS = 12
_EMPTY = Raw(b"{}")
_NO_TEXT = Raw(b'""')
_ASSISTANT = raw("assistant")
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


def time(value: Any) -> int | None:
    """When something was created in seconds since the epoch, if that is a time."""
    if isinstance(value, str) and value.isdigit() and len(value) <= _MOST_DIGITS:
        value = int(value)
    is_time = isinstance(value, int | float) and 0 < value < _DOOMSDAY
    return int(value) if is_time else None


def identity(value: Any) -> str | None:
    """An id, if there is one; some providers number their answers."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value if value and isinstance(value, str) else None


def drop_service_tier(fields: Object) -> bool:
    """Remove a tier that OpenAI does not have, which some clients refuse; whether there was one."""
    tier = fields.get("service_tier")
    if tier is None or is_null(tier) or decoded(tier) in SERVICE_TIERS:
        return False
    del fields["service_tier"]
    return True


def content(message: Object) -> None:
    """Make a text of a content in parts; what was thought goes where thoughts are looked for."""
    given = message.get("content", NULL)
    if is_null(given) or opening(given) == ord('"'):
        return
    texts, thoughts = _parts(decoded(given))
    message["content"] = raw(texts) if texts or not thoughts else NULL
    if thoughts and not is_present(message.get("reasoning_content", NULL)):
        message["reasoning_content"] = raw(thoughts)


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


def message(fields: Object, calls: Iterable[tuple[str, bool]]) -> Object:
    """The message of a whole completion.

    Args:
        fields: the provider's.
        calls: the id of each of its calls, and whether it is of a custom tool.
    """
    fields = {"role": _ASSISTANT, "content": NULL} | fields | {"role": _ASSISTANT}
    content(fields)
    items = fields.get("tool_calls", NULL)
    if not is_null(items):
        fields["tool_calls"] = raw(
            [
                call(decode_object(item), own_id, custom=custom)
                for item, (own_id, custom) in zip(decode_list(items), calls, strict=True)
            ]
        )
    function = fields.get("function_call", NULL)
    if not is_null(function):
        fields["function_call"] = raw(_function(decode_object(function), whole=True))
    return fields


def call(given: Object, own_id: str, *, custom: bool, name: str | None = None) -> Object:
    """A call with all that stands in it once.

    Args:
        given: the provider's.
        own_id: its id.
        custom: it is of a custom tool.
        name: its name, if that did not come whole; else all of the call is there.
    """
    whole = name is None
    given = {name: value for name, value in given.items() if whole is False or name != "index"}
    given["id"] = raw(own_id)
    payload = "custom" if custom else "function"
    given["type"] = raw(payload)
    fields = decode_object(given.get(payload, NULL)) if is_present(given.get(payload, NULL)) else {}
    if name is not None:
        fields = {"name": raw(name)} | fields | {"name": raw(name)}
    given[payload] = raw(fields if custom else _function(fields, whole=whole))
    return given


def _function(fields: Object, *, whole: bool) -> Object:
    """A function whose arguments are text."""
    given = fields.get("arguments", ABSENT)
    arguments = arguments_of(given)
    if whole and not arguments:
        return fields | {"arguments": raw("{}")}
    is_text = given is not ABSENT and opening(given) == ord('"')
    return fields if is_text else fields | {"arguments": raw(arguments)}


def arguments_of(value: Raw) -> str:
    """Arguments as text, be they text, an object or nothing."""
    if not is_present(value):
        return ""
    if opening(value) == ord('"'):
        return msgspec.json.decode(value, type=str)
    return bytes(value).decode()


def reason(value: Any) -> str:
    """Why a choice ended in OpenAI's words, ``error``, or "" if it does not say."""
    return finish_reason(str(value)) if value else ""


def logprobs(value: Raw) -> Raw:
    """Logprobs whose tokens have all fields that OpenAI requires."""
    if is_null(value) or opening(value) != ord("{"):
        return NULL
    fields = decode_object(value)
    for name in ("content", "refusal"):
        tokens = fields.get(name, NULL)
        if not is_null(tokens):
            fields[name] = raw([_token(token) for token in decode_list(tokens)])
    return raw({"content": NULL, "refusal": NULL} | fields)


def logprobs_of(value: Raw) -> Raw:
    """Logprobs of a runtime, which mostly have a token and its probability only."""
    return value if are_logprobs_in_order(decoded(value)) else logprobs(value)


def _token(given: Raw) -> Raw:
    fields = decode_object(given)
    tops = fields.get("top_logprobs", NULL)
    fields["top_logprobs"] = (
        raw([])
        if is_null(tops)
        else raw([_with_bytes(decode_object(top)) for top in decode_list(tops)])
    )
    return raw(_with_bytes(fields))


def _with_bytes(fields: Object) -> Object:
    return fields if "bytes" in fields else fields | {"bytes": NULL}


def are_logprobs_in_order(value: Any) -> bool:
    """Whether decoded logprobs have all fields."""
    if value is None:
        return True
    if not isinstance(value, dict):
        return False
    tokens = [token for name in ("content", "refusal") for token in value.get(name) or ()]
    return all(
        isinstance(token, dict)
        and "bytes" in token
        and isinstance(token.get("top_logprobs"), list)
        and all(isinstance(top, dict) and "bytes" in top for top in token["top_logprobs"])
        for token in tokens
    )


def usage(fields: Object, tokens: TokenCounts) -> Object:
    """Token counts that have all three numbers, and whatever else is told; zeros when unknown."""
    prompt, completion = tokens.prompt or 0, tokens.completion or 0
    total = _number(fields.get("total_tokens", NULL))
    if tokens.completion is None and total is not None and tokens.prompt is not None:
        completion = max(0, total - prompt)
    numbers = (prompt, completion, prompt + completion if total is None else total)
    counts = {name: raw(number) for name, number in zip(_COUNTS, numbers, strict=True)}
    return counts | fields | counts


def usage_of(given: Raw, tokens: TokenCounts) -> Raw:
    """A provider's usage, itself if it is in order."""
    is_object = opening(given) == ord("{")
    fields = decode_object(given) if is_object else {}
    return given if is_usage_in_order(fields) else raw(usage(fields, tokens))


def is_usage_in_order(fields: Object) -> bool:
    """Whether the three numbers are there."""
    return all(bytes(fields.get(name, NULL)).isdigit() for name in _COUNTS)


def _number(value: Raw) -> int | None:
    number = decoded(value)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    is_count = isinstance(number, int) and not isinstance(number, bool) and number >= 0
    return number if is_count else None


def decoded(value: Raw) -> Any:
    """A value as Python has it."""
    return msgspec.json.decode(value)
