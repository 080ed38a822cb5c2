"""A provider's answer in which any one value is wrong is repaired, or upstream's fault."""

import json
import re
from typing import Any

from hypothesis import example, given

from tests import oip
from tests.invariants import check_chat_completion, check_chunks
from tests.property.faults import faulty
from tests.property.streams import Said, accumulated, of_completion
from tests.unit.events import documents_of, stream
from tests.unit.translating import chat
from translator.errors import UpstreamError
from translator.operations.events import split

TOP = {"token": "a", "logprob": -0.1, "bytes": None}
TOKEN = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": [TOP]}
USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 5,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
HEAD = {
    "id": "c1",
    "created": 1_700_000_000,
    "model": "big",
    "service_tier": "default",
    "system_fingerprint": "fp",
}
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def choice(index: int, reason: str | None = None, *, logprobs: Any = None, **delta: Any) -> Any:
    return {"index": index, "delta": delta, "finish_reason": reason, "logprobs": logprobs}


def chunk(*choices: Any, **more: Any) -> Any:
    return {**HEAD, "object": "chat.completion.chunk", "choices": [*choices], **more}


COMPLETION = {
    **HEAD,
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hello",
                "refusal": None,
                "tool_calls": [CALL, {**CALL, "id": "b"}],
            },
            "finish_reason": "tool_calls",
            "logprobs": {"content": [TOKEN], "refusal": None},
        },
        {
            "index": 1,
            "message": {"role": "assistant", "content": None, "refusal": "no"},
            "finish_reason": "stop",
            "logprobs": None,
        },
    ],
    "usage": USAGE,
}
CHUNKS = [
    chunk(choice(0, role="assistant", content="", refusal=None)),
    chunk(choice(0, content="Hel", logprobs={"content": [TOKEN], "refusal": None})),
    chunk(choice(0, content="lo"), choice(1, role="assistant", content=None, refusal="n")),
    chunk(choice(0, tool_calls=[{**CALL, "index": 0}])),
    chunk(choice(0, tool_calls=[{**CALL, "index": 1, "id": "b", "function": {"name": "g"}}])),
    chunk(choice(0, tool_calls=[{"index": 1, "function": {"arguments": "{}"}}])),
    chunk(choice(1, refusal="o")),
    chunk(choice(1, "stop")),
    chunk(choice(0, "tool_calls")),
    chunk(usage=USAGE),
]
INFERENCE = chat()
STREAMED = chat(stream=True, stream_options={"include_usage": True})


def streamed(*documents: Any) -> Any:
    """What a client gets of a stream, which may end in an error."""
    assert STREAMED.stream is not None
    translator = STREAMED.stream(1 << 20)
    chunks = documents_of(translator.feed(stream(*documents)) + translator.finish())
    if [*chunks[0]] != ["error"]:
        check_chunks(chunks, include_usage=True, verbatim=True)
    return chunks


def completed(*documents: Any) -> Any:
    """The completion that events add up to, or None for an error."""
    try:
        answer = json.loads(INFERENCE.complete(split(stream(*documents))).body)
    except UpstreamError:
        return None
    check_chat_completion(answer, verbatim=True)
    return answer


def check_same(chunks: Any, answer: Any) -> None:
    """A stream says what its events add up to; what fails in one fails in the other."""
    if answer is None or "error" in chunks[-1]:
        assert "error" in chunks[-1]
    else:
        assert settled(accumulated(chunks)) == settled(of_completion(answer))


def settled(said: dict[int, Said]) -> dict[int, Said]:
    """What was said, with one id for all calls that were given one here."""
    for own in said.values():
        for call in own.calls:
            call.identity = re.sub("^call_[0-9a-f]{24}$", "call_", call.identity)
    return said


@given(faulty(COMPLETION))
@example({**COMPLETION, "usage": {**USAGE, "prompt_tokens_details": {"text": "t"}}})
def test_a_whole_completion_with_one_fault(document: Any) -> None:
    check_same(streamed(oip.provided(document)), completed(oip.provided(document)))


@given(faulty(CHUNKS))
def test_a_stream_with_one_fault(chunks: Any) -> None:
    documents = [*map(oip.provided, chunks)]
    check_same(streamed(*documents), completed(*documents))
