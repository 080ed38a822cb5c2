"""Aggregation: an unrequested stream gives the same completion as a whole response."""

import json
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests import oip
from tests.invariants import check_chat_completion
from tests.property.conversations import VALUES
from tests.property.streams import (
    NO_USAGE,
    SOME_USAGE,
    Answer,
    Call,
    answers,
    faulty_chunks,
    framed,
    of_completion,
    tensor_events,
)
from tests.unit.translating import chat, complete
from translator.errors import UpstreamError
from translator.operations.events import split

INFERENCE = chat()
STREAMED = chat(stream=True, stream_options={"include_usage": True})


def aggregated(body: bytes) -> Any:
    """The answer that a whole stream of events adds up to."""
    return json.loads(INFERENCE.complete(split(body, b"[DONE]")).body)


def translated(document: Any) -> Any:
    """The answer that one response is."""
    return json.loads(complete(INFERENCE, document))


def whole_tensors(answer: Answer) -> Any:
    """The response of a runtime that does not stream."""
    document = oip.answer(*(said.content for said in answer.said))
    for name, texts in {
        "refusal": [said.refusal for said in answer.said],
        "tool_calls": [json.dumps([*map(call_object, said.calls)]) for said in answer.said],
        "finish_reason": [reason or "" for reason in answer.reasons],
    }.items():
        document["outputs"].append(oip.text(name, *texts))
    if answer.usage is not None:
        document["parameters"] = answer.usage
    return document


def call_object(call: Call) -> Any:
    return {"id": call.identity, "name": call.name, "arguments": call.arguments}


def check(completion: Any, answer: Answer, *, verbatim: bool = False) -> None:
    check_chat_completion(completion, verbatim=verbatim)
    assert of_completion(completion) == dict(enumerate(answer.said))
    assert completion["usage"] == (answer.usage or NO_USAGE)


@given(answers(silent=True))
def test_a_whole_response_says_what_was_said(answer: Answer) -> None:
    check(translated(whole_tensors(answer)), answer)


@given(st.data(), answers(silent=True))
def test_a_stream_of_tensors_adds_up_to_the_whole_answer(
    data: st.DataObject, answer: Answer
) -> None:
    body = data.draw(tensor_events(answer).flatmap(framed))
    added_up = aggregated(body)
    check(added_up, answer)
    assert added_up == translated(whole_tensors(answer))


@given(st.data(), answers())
def test_a_providers_chunks_add_up_to_the_whole_answer(data: st.DataObject, answer: Answer) -> None:
    chunks, faults = data.draw(faulty_chunks(answer, include_usage=True))
    assume(len(chunks) > 1)
    added_up = aggregated(data.draw(framed([*map(oip.provided, chunks)])))
    reasons = answer.reasons
    if "no finish" in faults:
        reasons = [None for _ in reasons]
    usage = answer.usage
    if "counts along" in faults and (usage is None or "counts at first" in faults):
        usage = SOME_USAGE  # the last counts are the ones
    known = Answer(answer.turns, reasons, usage)
    assert of_completion(added_up) == dict(enumerate(known.said))
    assert added_up["usage"] == (known.usage or NO_USAGE)


NAMES = st.sampled_from(
    [
        "role",
        "content",
        "refusal",
        "tool_calls",
        "function_call",
        "logprobs",
        "finish_reason",
        "usage",
        "prompt_tokens",
        "output_tokens",
        "output_all",
        "x",
    ]
)
OUTPUTS = st.lists(
    st.builds(
        lambda name, datatype, data: f'{{"name":"{name}","datatype":"{datatype}","data":{data}}}',
        NAMES,
        st.sampled_from(["BYTES", "BYTES", "INT64", "FP32"]),
        st.one_of(
            VALUES,
            VALUES.map(lambda text: json.dumps([text])),
            st.lists(VALUES.map(json.dumps), max_size=3).map(lambda texts: f"[{','.join(texts)}]"),
        ),
    ),
    max_size=5,
)


@given(OUTPUTS, VALUES)
@example(
    [
        '{"name":"role","datatype":"BYTES","data":["assistant"]}',
        '{"name":"logprobs","datatype":"BYTES","data":["[1]"]}',
    ],
    "[]",
)
def test_any_response_is_an_answer_or_upstreams_fault(outputs: list[str], counts: str) -> None:
    body = f'{{"outputs":[{",".join(outputs)}],"parameters":{{"usage":{counts}}}}}'.encode()
    for inference, responses in (
        (INFERENCE, [body]),
        (STREAMED, [body]),
        (INFERENCE, split(b"data: %b\n\ndata: %b\n\n" % (body, body), b"[DONE]")),
    ):
        try:
            answer = inference.complete(responses).body
        except UpstreamError as error:
            assert error.status == 502  # noqa: PT017 -- either is fine
        else:
            assert answer
