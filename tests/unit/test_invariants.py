"""The invariants accept correct responses and detect wrong ones."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests import invariants

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "chat",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "refusal": None},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ],
}
CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
EMBEDDINGS: dict[str, Any] = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "model": "embed",
    "usage": {"prompt_tokens": 0, "total_tokens": 0},
}
IMAGES: dict[str, Any] = {"created": 1, "data": [{"b64_json": "AAAA"}]}
ERROR: dict[str, Any] = {"error": {"message": "No", "type": "t", "param": None, "code": None}}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def chunk(delta: dict[str, Any], reason: str | None = None, **extra: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "chat"}
    return {**head, "choices": [choice], **extra}


FIRST = chunk({"role": "assistant", "content": "Hi", "refusal": None})
CALLING = chunk({"role": "assistant", "content": None, "tool_calls": [CALL]})
LAST = chunk({}, "stop")


def test_right_answers_pass() -> None:
    invariants.check_chat_completion(COMPLETION)
    invariants.check_chunks([FIRST, LAST])
    invariants.check_chunks([CALLING, LAST])
    invariants.check_chunks([FIRST, ERROR])
    invariants.check_chunks([ERROR])
    counted = [{**FIRST, "usage": None}, {**LAST, "usage": None}]
    invariants.check_chunks(counted, include_usage=True)
    invariants.check_chunks([*counted, chunk({}, choices=[], usage=USAGE)], include_usage=True)
    invariants.check_embeddings(EMBEDDINGS)
    invariants.check_images(IMAGES)
    invariants.check_error(ERROR)


@pytest.mark.parametrize(
    ("check", "answer", "path", "value"),
    [
        (invariants.check_chat_completion, COMPLETION, ("id",), "1"),
        (invariants.check_chat_completion, COMPLETION, ("created",), 1.5),
        (invariants.check_chat_completion, COMPLETION, ("choices",), []),
        (invariants.check_chat_completion, COMPLETION, ("choices", 0, "index"), 1),
        (invariants.check_chat_completion, COMPLETION, ("choices", 0, "finish_reason"), "eos"),
        (invariants.check_chat_completion, COMPLETION, ("choices", 0, "message"), {}),
        (invariants.check_chat_completion, COMPLETION, ("usage",), {**USAGE, "total_tokens": 9}),
        (invariants.check_embeddings, EMBEDDINGS, ("data",), []),
        (invariants.check_embeddings, EMBEDDINGS, ("data", 0, "embedding"), "AAAA"),
        (invariants.check_embeddings, EMBEDDINGS, ("data", 0, "index"), 1),
        (invariants.check_embeddings, EMBEDDINGS, ("usage",), {}),
        (invariants.check_images, IMAGES, ("data", 0), {}),
        (invariants.check_images, IMAGES, ("data", 0, "b64_json"), "not base64"),
        (invariants.check_error, ERROR, ("error",), {"message": "No", "type": "t"}),
        (invariants.check_error, ERROR, ("error", "code"), 404),
        (invariants.check_error, ERROR, ("detail",), "No"),
    ],
)
def test_a_wrong_field_is_noticed(
    check: Callable[[Any], None], answer: Any, path: tuple[str | int, ...], value: Any
) -> None:
    wrong = copy.deepcopy(answer)
    *parents, last = path
    inner = wrong
    for key in parents:
        inner = inner[key]
    inner[last] = value
    with pytest.raises(AssertionError):
        check(wrong)


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [LAST],
        [FIRST],
        [FIRST, FIRST, LAST],
        [FIRST, LAST, LAST],
        [FIRST, {**LAST, "id": "chatcmpl-2"}],
        [FIRST, {**LAST, "created": 2}],
        [FIRST, chunk({}, "eos")],
        [FIRST, chunk({}, choices=[]), LAST],
        [FIRST, LAST, chunk({}, choices=[], usage=USAGE)],
        [CALLING, chunk({"tool_calls": [CALL]}), LAST],
        [CALLING, chunk({"tool_calls": [{**CALL, "index": 2}]}), LAST],
        [FIRST, chunk({"tool_calls": [{**CALL, "id": None}]}), LAST],
        [FIRST, {"error": {"message": "No"}}],
    ],
)
def test_a_wrong_stream_is_noticed(chunks: list[Any]) -> None:
    with pytest.raises(AssertionError):
        invariants.check_chunks(chunks)


def test_usage_in_the_wrong_place_is_noticed() -> None:
    usage = chunk({}, choices=[], usage=USAGE)
    first, last = {**FIRST, "usage": None}, {**LAST, "usage": None}
    for chunks in ([FIRST, LAST, usage], [first, usage, last], [first, {**LAST, "usage": USAGE}]):
        with pytest.raises(AssertionError):
            invariants.check_chunks(chunks, include_usage=True)
