"""Streamed chat: any split gives the same output, and the output is what SDKs can put together."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import oip
from tests.invariants import check_chunks
from tests.property.split import PLACES, cut
from tests.property.streams import (
    FAULTS,
    HEAD,
    NO_USAGE,
    SOME_USAGE,
    Answer,
    accumulated,
    answers,
    clean_chunks,
    faulty_chunks,
    framed,
    tensor_events,
)
from tests.unit.events import data_of, documents_of, event, stream
from tests.unit.translating import chat, complete

CREATED = 7
with pytest.MonkeyPatch.context() as patch:
    patch.setattr("time.time", lambda: float(CREATED))
    ASKED = {
        usage: chat(stream=True, stream_options={"include_usage": usage}) for usage in (False, True)
    }
LIMIT = 64 * 1024 * 1024  # bytes of an event


def run(chunks: list[bytes], *, include_usage: bool = False) -> bytes:
    begin = ASKED[include_usage].stream
    assert begin is not None
    stream = begin(LIMIT)
    return b"".join(map(stream.feed, chunks)) + stream.finish()


def run_settled(chunks: list[bytes], **options: bool) -> bytes:
    """As :func:`run`, with nothing left to chance: ids that nobody gave are all the same."""
    settled = event({**oip.response(), "id": "one"})
    return re.sub(rb"call_[0-9a-f]{24}", b"call_", run([settled, *chunks], **options))


def check(chunks: list[Any], answer: Answer, *, include_usage: bool, verbatim: bool) -> None:
    """The invariants of a stream, and that it says what the answer does."""
    check_chunks(chunks, include_usage=include_usage, verbatim=verbatim)
    assert accumulated(chunks) == dict(enumerate(answer.said))
    *before, last = chunks
    assert all("usage" in chunk for chunk in chunks) is include_usage
    assert all(chunk.get("usage") is None for chunk in before)
    assert all(chunk["choices"] for chunk in before)
    assert (last["choices"] == []) is include_usage
    assert last.get("usage") == ((answer.usage or NO_USAGE) if include_usage else None)


# Whatever the bytes are.

PIECES = st.one_of(
    answers().flatmap(tensor_events).map(lambda documents: stream(*documents)),
    answers().flatmap(
        lambda answer: faulty_chunks(answer, include_usage=True).map(
            lambda pair: stream(*map(oip.provided, pair[0]))
        )
    ),
    st.sampled_from(
        [
            b": ping\n\n",
            b"\n",
            b"\r\n",
            b"data: [DONE]\n\n",
            b"data: {}\n\n",
            b"event: x\n",
            b'data: {"error":"oops"}\n\n',
            b"data: garbage\r\n\r\n",
            b"data: {\ndata: }\n\n",
        ]
    ),
    st.binary(max_size=20),
)
STREAMS = st.lists(PIECES, max_size=5).map(b"".join)


@given(STREAMS, PLACES, st.booleans())
def test_any_split_gives_the_same_output(
    body: bytes,
    places: list[int],
    include_usage: bool,  # noqa: FBT001 -- given by hypothesis
) -> None:
    whole = run_settled([body], include_usage=include_usage)
    assert run_settled(cut(body, places), include_usage=include_usage) == whole


@given(STREAMS, PLACES)
def test_the_output_is_always_whole_events_and_one_done(body: bytes, places: list[int]) -> None:
    documents = documents_of(run(cut(body, places)))
    assert all(isinstance(document, dict) for document in documents)
    assert all("error" not in document for document in documents[:-1])


# Whole answers.


@given(st.data(), answers(silent=True), PLACES, st.booleans())
def test_a_stream_of_tensors_says_what_was_said(
    data: st.DataObject,
    answer: Answer,
    places: list[int],
    include_usage: bool,  # noqa: FBT001 -- as above
) -> None:
    body = data.draw(tensor_events(answer).flatmap(framed))
    chunks = documents_of(run(cut(body, places), include_usage=include_usage))
    check(chunks, answer, include_usage=include_usage, verbatim=False)
    assert {(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks} == {
        ("chatcmpl-4f5c", CREATED, "m")
    }


@given(st.data(), answers(), PLACES, st.booleans())
def test_a_providers_stream_in_order_passes_to_the_byte(
    data: st.DataObject,
    answer: Answer,
    places: list[int],
    include_usage: bool,  # noqa: FBT001 -- as above
) -> None:
    chunks = clean_chunks(answer, include_usage=include_usage)
    body = data.draw(framed([*map(oip.provided, chunks)]))
    output = run(cut(body, places), include_usage=include_usage)
    check(documents_of(output), answer, include_usage=include_usage, verbatim=True)
    sent = [
        json.dumps(chunk, separators=(",", ":"), ensure_ascii=False).encode() for chunk in chunks
    ]
    assert data_of(output)[: len(sent)] == sent


@given(st.data(), answers(), PLACES, st.booleans(), st.booleans())
def test_a_compatible_providers_stream_is_put_right(
    data: st.DataObject,
    answer: Answer,
    places: list[int],
    include_usage: bool,  # noqa: FBT001 -- as above
    sends_usage: bool,  # noqa: FBT001 -- as above
) -> None:
    chunks, faults = data.draw(faulty_chunks(answer, include_usage=sends_usage))
    body = data.draw(framed([*map(oip.provided, chunks)]))
    found = documents_of(run(cut(body, places), include_usage=include_usage))
    check_put_right(found, answer, faults, include_usage=include_usage, sends_usage=sends_usage)


@pytest.mark.parametrize("fault", FAULTS)
@settings(max_examples=20)  # of each fault, which the test above mixes with others
@given(answers(), st.booleans(), st.booleans())
def test_each_fault_of_providers_is_put_right(
    fault: str,
    answer: Answer,
    include_usage: bool,  # noqa: FBT001 -- as above
    sends_usage: bool,  # noqa: FBT001 -- as above
) -> None:
    chunks = FAULTS[fault](clean_chunks(answer, include_usage=sends_usage))
    body = stream(*map(oip.provided, chunks))
    found = documents_of(run([body], include_usage=include_usage))
    check_put_right(found, answer, {fault}, include_usage=include_usage, sends_usage=sends_usage)


def check_put_right(
    chunks: list[Any],
    answer: Answer,
    faults: set[str],
    *,
    include_usage: bool,
    sends_usage: bool,
) -> None:
    """The provider has said what it could: perhaps neither how it ended nor what it counted."""
    usage = answer.usage if sends_usage else None
    if usage is None and "counts along" in faults:
        usage = SOME_USAGE
    reasons = answer.reasons
    if "no finish" in faults:
        reasons = [None for _ in reasons]
    known = Answer(answer.turns, reasons, usage)
    check(chunks, known, include_usage=include_usage, verbatim=True)
    if "more fields" in faults:
        assert any("x_provider" in chunk for chunk in chunks)


@given(st.data(), answers(silent=True, most=2), PLACES, st.booleans())
def test_an_error_comes_after_all_that_was_said_before_it(
    data: st.DataObject,
    answer: Answer,
    places: list[int],
    include_usage: bool,  # noqa: FBT001 -- as above
) -> None:
    events = data.draw(tensor_events(answer))
    body = stream(*events, {"error": "CUDA out of memory"}, *events)
    *chunks, error = documents_of(run(cut(body, places), include_usage=include_usage))
    check_chunks([*chunks, error], include_usage=include_usage)
    assert error["error"]["message"] == "CUDA out of memory"
    for index, said in accumulated(chunks).items():
        expected = answer.said[index]
        assert (said.content, said.refusal) == (expected.content, expected.refusal)


@given(st.integers(1, 4), st.integers(1, 4))
def test_ids_that_a_runtime_does_not_give_are_made_once(choices: int, events: int) -> None:
    document = {**oip.answer(*("x" for _ in range(choices))), "id": None}
    document["outputs"].append(
        oip.text("tool_calls", *('{"index":0,"name":"f"}' for _ in range(choices)))
    )
    chunks = documents_of(run([event(document) * events]))
    check_chunks(chunks)
    identities = [call.identity for said in accumulated(chunks).values() for call in said.calls]
    assert len(identities) == len(set(identities)) == choices


@given(st.data(), answers(silent=True), st.booleans())
def test_a_stream_of_one_response_is_that_of_one_event(
    data: st.DataObject,
    answer: Answer,
    include_usage: bool,  # noqa: FBT001 -- as above
) -> None:
    document, *_ = data.draw(tensor_events(answer))
    whole = complete(ASKED[include_usage], document)
    assert whole == run([event(document)], include_usage=include_usage)


@given(answers(silent=True), st.booleans())
def test_a_providers_whole_completion_becomes_a_stream(
    answer: Answer,
    include_usage: bool,  # noqa: FBT001 -- as above
) -> None:
    chunks = documents_of(complete(ASKED[include_usage], oip.provided(completion(answer))))
    check(chunks, answer, include_usage=include_usage, verbatim=True)


def completion(answer: Answer) -> Any:
    """The answer of a provider that does not stream."""
    choices = []
    for index, said in enumerate(answer.said):
        calls = [
            {
                "id": call.identity,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in said.calls
        ]
        message: dict[str, Any] = {
            "role": "assistant",
            "content": said.content,
            "refusal": said.refusal or None,
        }
        if calls:
            message["tool_calls"] = calls
        choices.append({"index": index, "message": message, "finish_reason": said.reason})
    usage = {} if answer.usage is None else {"usage": answer.usage}
    return {**HEAD, "object": "chat.completion", "choices": choices, **usage}
