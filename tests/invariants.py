"""Invariants of every response to a client, whatever the model server sent.

Source: the OpenAI API reference for what is required, and what OpenAI's and other clients read of
it. Each function takes decoded JSON and raises AssertionError with what is wrong.

``verbatim`` is for answers in a provider's own words (tensor ``output_all``), which pass untouched:
then only what clients cannot do without is asked for.
"""

import base64
import binascii
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
SERVICE_TIERS = (None, "auto", "default", "flex", "scale", "priority", "fast")
FLOAT32 = 4  # bytes


def check_chat_completion(document: Any, *, verbatim: bool = False) -> None:
    """A whole response, ``"object": "chat.completion"``."""
    _check_head(document, "chat.completion", verbatim=verbatim)
    choices = _list(document, "choices")
    assert choices, "an answer without choices"
    for position, choice in enumerate(choices):
        at = f"choices[{position}]"
        _object(choice, at)
        assert _same(choice.get("index"), position), f"{at}.index is {choice.get('index')!r}"
        reason = choice.get("finish_reason")
        assert reason in FINISH_REASONS, f"{at}.finish_reason is {reason!r}"
        assert verbatim or "logprobs" in choice, f"{at} has no logprobs"
        _check_logprobs(choice.get("logprobs"), at)
        _check_message(choice.get("message"), f"{at}.message", verbatim=verbatim)
    if document.get("usage") is not None:
        _check_usage(document["usage"], verbatim=verbatim)


def check_chunks(
    chunks: Sequence[Any], *, include_usage: bool = False, verbatim: bool = False
) -> None:
    """The events of a streamed response without ``[DONE]``; the last may be an error.

    Args:
        chunks: the events in their order.
        include_usage: whether the request asked for ``stream_options.include_usage``.
        verbatim: see above.
    """
    assert chunks, "a stream without events"
    failed = isinstance(chunks[-1], dict) and "error" in chunks[-1]
    if failed:
        check_error(chunks[-1])
        chunks = chunks[:-1]
    for chunk in chunks:
        _check_head(chunk, "chat.completion.chunk", verbatim=verbatim)
    for first, second in pairwise(chunks):
        for key in ("id", "created", "model"):
            assert first[key] == second[key], f"{key} changes within a stream"

    state: dict[int, _Choice] = {}
    for position, chunk in enumerate(chunks):
        choices = _list(chunk, "choices")
        last = position == len(chunks) - 1 and not failed
        _check_chunk_usage(chunk, choices, last=last, asked=include_usage, verbatim=verbatim)
        for choice in choices:
            at = f"chunk {position}"
            _object(choice, at)
            assert _is_int(choice.get("index")), f"{at}: choice index {choice.get('index')!r}"
            state.setdefault(choice["index"], _Choice(verbatim=verbatim)).add(choice, at)
    assert failed or state, "a stream without choices"
    assert set(state) == set(range(len(state))), f"choices {sorted(state)}"
    if not failed:
        assert all(choice.finished for choice in state.values()), "a choice without a finish chunk"


def check_embeddings(document: Any, *, base64_encoded: bool = False) -> None:
    """The response to an embeddings request, as lists of numbers or as base64 of float32."""
    _object(document, "the answer")
    assert document.get("object") == "list", f"object is {document.get('object')!r}"
    _text(document, "model")
    usage = _object(document.get("usage"), "usage")
    _check_counts(usage, ("prompt_tokens", "total_tokens"))
    data = _list(document, "data")
    assert data, "no embeddings"  # OpenAI's client raises for these
    lengths = set()
    for position, item in enumerate(data):
        at = f"data[{position}]"
        _object(item, at)
        assert item.get("object") == "embedding", f"{at}.object is {item.get('object')!r}"
        assert _same(item.get("index"), position), f"{at}.index is {item.get('index')!r}"
        lengths.add(_check_vector(item.get("embedding"), at, base64_encoded=base64_encoded))
    assert len(lengths) == 1, f"vectors of different lengths: {sorted(lengths)}"


def check_images(document: Any) -> None:
    """The response to an image generation."""
    _object(document, "the answer")
    assert _is_int(document.get("created")), f"created is {document.get('created')!r}"
    data = _list(document, "data")
    assert data, "no images"
    for position, item in enumerate(data):
        _object(item, f"data[{position}]")
        given = [item[key] for key in ("b64_json", "url") if item.get(key) is not None]
        assert len(given) == 1, f"data[{position}] is not one image"
        assert given[0], f"data[{position}] is empty"
        assert isinstance(given[0], str), f"data[{position}] is no text"
        if item.get("b64_json") is not None:
            _decode_base64(item["b64_json"], f"data[{position}].b64_json")


def check_error(document: Any) -> None:
    """An error, in a body or in an event: all four keys, and nothing else."""
    _object(document, "the error")
    assert set(document) == {"error"}, f"an error beside {sorted(document)}"
    error = _object(document["error"], "error")
    assert set(error) == {"message", "type", "param", "code"}, f"error has {sorted(error)}"
    _text(error, "message")
    _text(error, "type")
    for key in ("param", "code"):
        assert error[key] is None or isinstance(error[key], str), f"error.{key} is {error[key]!r}"


class _Choice:
    """What has been seen of one choice of a stream."""

    def __init__(self, *, verbatim: bool) -> None:
        self._verbatim = verbatim
        self._begun = False
        self._calls = 0
        self.finished = False

    def add(self, choice: Mapping[str, Any], at: str) -> None:
        assert not self.finished, f"{at}: something after the finish chunk"
        assert self._verbatim or "logprobs" in choice, f"{at} has no logprobs"
        _check_logprobs(choice.get("logprobs"), at)
        delta = _object(choice.get("delta"), f"{at}: delta")
        assert delta.get("tool_calls", ()) is not None, f"{at}: tool_calls is null"
        if self._begun:
            assert delta.get("role") is None, f"{at}: the role again"
        else:
            assert delta.get("role") == "assistant", f"{at}: the first delta has no role"
        self._begun = True
        for key in ("content", "refusal"):
            value = delta.get(key)
            assert value is None or isinstance(value, str), f"{at}: {key} is {value!r}"
        for call in delta.get("tool_calls") or ():
            self._add_call(call, at)
        assert "finish_reason" in choice, f"{at} has no finish_reason"
        if choice["finish_reason"] is not None:
            reason = choice["finish_reason"]
            assert reason in FINISH_REASONS, f"{at}: finish_reason {reason!r}"
            self.finished = True

    def _add_call(self, call: Any, at: str) -> None:
        _object(call, f"{at}: tool call")
        index = call.get("index")
        assert _is_int(index), f"{at}: tool call index {index!r}"
        assert 0 <= index <= self._calls, f"{at}: tool call index {index} after {self._calls} calls"
        function = _object(call.get("function") or {}, f"{at}: function")
        if index == self._calls:
            self._calls += 1
            _text(call, "id")
            assert call.get("type") == "function", f"{at}: tool call type {call.get('type')!r}"
            _text(function, "name")
        else:
            assert not {"id", "type"} & set(call), f"{at}: the id or type of a tool call again"
            assert "name" not in function, f"{at}: the name of a tool call again"
            assert "function" in call, f"{at}: a tool call without its function"
        arguments = function.get("arguments", "")
        assert isinstance(arguments, str), f"{at}: arguments {arguments!r}"


def _check_head(document: Any, kind: str, *, verbatim: bool) -> None:
    _object(document, kind)
    assert document.get("object") == kind, f"object is {document.get('object')!r}"
    _text(document, "id")
    assert verbatim or document["id"].startswith("chatcmpl-"), f"id is {document['id']!r}"
    assert _is_int(document.get("created")), f"created is {document.get('created')!r}"
    _text(document, "model")
    assert document.get("service_tier") in SERVICE_TIERS, f"tier {document['service_tier']!r}"
    fingerprint = document.get("system_fingerprint")
    assert isinstance(fingerprint, str | None), f"system_fingerprint is {fingerprint!r}"


def _check_logprobs(logprobs: Any, at: str) -> None:
    if logprobs is None:
        return
    _object(logprobs, f"{at}.logprobs")
    for name in ("content", "refusal"):
        for token in logprobs.get(name) or ():
            for item in (token, *_list(token, "top_logprobs")):
                assert isinstance(item.get("token"), str), f"{at}: {item}"
                assert isinstance(item.get("logprob"), int | float), (
                    f"{at}: {item.get('logprob')!r}"
                )
                assert isinstance(item["bytes"], list | None), f"{at}: bytes {item['bytes']!r}"


def _check_message(message: Any, at: str, *, verbatim: bool) -> None:
    _object(message, at)
    assert message.get("role") == "assistant", f"{at}.role is {message.get('role')!r}"
    for key in ("content",) if verbatim else ("content", "refusal"):
        assert key in message, f"{at} has no {key}"
    for key in ("content", "refusal"):
        value = message.get(key)
        assert value is None or isinstance(value, str), f"{at}.{key} is {value!r}"
    if verbatim and message.get("tool_calls") is None:
        return
    if "tool_calls" in message:
        calls = _list(message, "tool_calls")
        assert verbatim or calls, f"{at}.tool_calls is empty"
        for call in calls:
            _check_call(call, f"{at}.tool_calls")


def _check_call(call: Any, at: str) -> None:
    _object(call, at)
    _text(call, "id")
    assert call.get("type") == "function", f"{at}: type {call.get('type')!r}"
    function = _object(call.get("function"), f"{at}: function")
    _text(function, "name")
    assert isinstance(function.get("arguments"), str), f"{at}: arguments"


def _check_chunk_usage(
    chunk: Mapping[str, Any], choices: Sequence[Any], *, last: bool, asked: bool, verbatim: bool
) -> None:
    usage = chunk.get("usage")
    if usage is not None:
        _check_usage(usage, verbatim=verbatim)
    if verbatim:
        return
    if not asked:
        assert "usage" not in chunk, "usage without being asked for it"
        assert choices, "a chunk with neither choices nor usage"
        return
    assert "usage" in chunk, "a chunk without usage, which was asked for"
    if usage is None:
        assert choices, "a chunk with neither choices nor usage"
    else:
        assert not choices, "usage in a chunk with choices"
        assert last, "something after the usage chunk"


def _check_usage(usage: Any, *, verbatim: bool) -> None:
    _object(usage, "usage")
    _check_counts(usage, ("prompt_tokens", "completion_tokens", "total_tokens"))
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        for key, count in (usage.get(name) or {}).items():
            # All of OpenAI's names end so; what a provider has under another name passes.
            if key.endswith("_tokens") or not verbatim:
                assert count is None or _is_int(count), f"usage.{name}.{key} is {count!r}"
    total = usage["prompt_tokens"] + usage["completion_tokens"]
    assert verbatim or usage["total_tokens"] == total, f"usage does not add up: {usage}"


def _check_counts(usage: Mapping[str, Any], keys: Iterable[str]) -> None:
    for key in keys:
        assert _is_int(usage.get(key)), f"usage.{key} is {usage.get(key)!r}"
        assert usage[key] >= 0, f"usage.{key} is {usage[key]}"


def _check_vector(vector: Any, at: str, *, base64_encoded: bool) -> int:
    """The vector's length."""
    if base64_encoded:
        assert isinstance(vector, str), f"{at}.embedding is no text"
        size, rest = divmod(len(_decode_base64(vector, f"{at}.embedding")), FLOAT32)
        assert rest == 0, f"{at}.embedding is not made of float32"
    else:
        assert isinstance(vector, list), f"{at}.embedding is no list"
        for number in vector:
            real = isinstance(number, int | float) and not isinstance(number, bool)
            assert real, f"{at}.embedding has {number!r}"
            assert math.isfinite(number), f"{at}.embedding has {number!r}"
        size = len(vector)
    assert size, f"{at}.embedding is empty"
    return size


def _decode_base64(text: str, at: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise AssertionError(f"{at} is not base64") from error


def _object(value: Any, at: str) -> dict[str, Any]:
    assert isinstance(value, dict), f"{at} is no object: {value!r}"
    return value


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    assert isinstance(value, list), f"{key} is no list: {value!r}"
    return value


def _text(document: Mapping[str, Any], key: str) -> None:
    value = document.get(key)
    assert isinstance(value, str), f"{key} is {value!r}"
    assert value, f"{key} is empty"


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _same(value: Any, number: int) -> bool:
    return _is_int(value) and value == number
