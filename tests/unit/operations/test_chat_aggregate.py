"""An event stream that nobody asked for, as the one answer that was."""

import json
from typing import Any

import pytest

from tests import oip
from tests.invariants import check_chat_completion
from tests.unit.events import event, stream
from tests.unit.translating import NOW, chat, complete
from translator.errors import UpstreamError
from translator.operations.events import split

HEAD: dict[str, Any] = {
    "id": "chatcmpl-9",
    "object": "chat.completion.chunk",
    "created": 1_699_999_999,
    "model": "gpt",
}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
COUNTS = {"prompt_tokens": 7, "completion_tokens": 5}
NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
TOTAL = {**COUNTS, "total_tokens": 12}


def aggregated(body: bytes) -> bytes:
    return chat().complete(split(body, b"[DONE]")).body


def aggregate(*documents: Any) -> Any:
    answer = json.loads(aggregated(stream(*documents)))
    check_chat_completion(answer, verbatim=True)
    return answer


def chunk(*choices: Any, **more: Any) -> Any:
    return oip.provided({**HEAD, "choices": [*choices], **more})


def part(index: int = 0, reason: str | None = None, **delta: Any) -> Any:
    return {"index": index, "delta": delta, "finish_reason": reason}


def message_of(*documents: Any) -> Any:
    [choice] = aggregate(*documents)["choices"]
    return choice["message"]


TOKEN: dict[str, Any] = {"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": []}
FIRST = chunk(part(role="assistant", content="Hel"))
MORE = chunk(part(content="lo"))
END = chunk(part(reason="length"))


def test_the_events_of_the_local_runtime_add_up_to_its_answer() -> None:
    whole = complete(chat(), oip.answer("Hello"))
    assert aggregate(oip.answer("Hel"), oip.answer("lo")) == json.loads(whole)


@pytest.mark.parametrize(
    "whole",
    [
        oip.answer("Hello"),
        oip.answer("a", "b"),
        {**oip.answer("a"), "parameters": COUNTS},
        oip.provided({"object": "chat.completion", "x": 1, "choices": [{}], "id": "c"}),
    ],
)
def test_a_single_event_is_the_answer(whole: Any) -> None:
    unary = complete(chat(), whole)
    assert aggregated(event(whole)) == unary


def test_a_providers_whole_completion_passes_to_the_digit() -> None:
    own = (
        '{"id":"c","x":1.10e-7,"object":"chat.completion","created":1,"model":"m",'
        '"big":9007199254740993,"choices":[{"index":0,"message":{"role":"assistant","content":"a"},'
        '"finish_reason":"stop"}],'
        '"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}'
    )
    assert aggregated(event(oip.provided(own))) == own.encode()


def test_what_a_providers_whole_completion_lacks_is_filled_in() -> None:
    message = {"role": "assistant", "content": "Hi", "refusal": None}
    said = {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}]
    }
    head = {"id": "chatcmpl-4f5c", "object": "chat.completion", "created": NOW, "model": "m"}
    assert aggregate(oip.provided(said)) == {**said, **head, "usage": NO_USAGE}


@pytest.mark.parametrize("nothing", [{}, {"choices": []}, {"choices": None}, {"choices": {}}])
def test_a_completion_without_choices_is_upstreams_fault(nothing: Any) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        aggregate(oip.provided(nothing))


def test_what_only_the_provider_knows_is_added_up_too() -> None:
    custom = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "sh", "input": "l"}}
    more = {"index": 0, "custom": {"input": "s"}}
    first = part(role="assistant", reasoning_content="h", tool_calls=[custom], notes=[1])
    second = part(reasoning_content="m", tool_calls=[more], notes=[2])
    answer = json.loads(aggregated(stream(chunk(first), chunk(second), END)))
    message = answer["choices"][0]["message"]
    assert message["reasoning_content"] == "hm"
    assert message["notes"] == [1, 2]
    [call] = message["tool_calls"]
    assert call == {"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}


def test_the_chunks_of_a_provider_add_up_to_its_answer() -> None:
    assert aggregate(FIRST, MORE, END) == {
        **HEAD,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "finish_reason": "length",
                "logprobs": None,
            }
        ],
        "usage": NO_USAGE,
    }


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_comments_and_done_are_fine(ending: bytes) -> None:
    lines = [b": ping", b"event: message"]
    for text in ("Hel", "lo"):
        lines += [b"data: " + json.dumps(oip.answer(text)).encode(), b""]
    lines += [b"data:", b"", b"data: [DONE]", b"", b"data: garbage", b"", b""]
    assert aggregated(ending.join(lines)) == aggregated(stream(oip.answer("Hel"), oip.answer("lo")))


def test_a_last_event_that_was_cut_off_before_its_blank_line_counts() -> None:
    body = stream(oip.answer("Hel"), oip.answer("lo"))
    assert aggregated(body.rstrip(b"\n")) == aggregated(body)


def test_choices_may_come_in_any_order() -> None:
    found = aggregate(
        chunk(part(1, role="assistant", content="b1")),
        chunk(part(0, role="assistant", content="a1"), part(1, content="b2")),
        chunk(part(1, "length")),
        chunk(part(0, content="a2")),
    )
    assert [
        (choice["index"], choice["message"]["content"], choice["finish_reason"])
        for choice in found["choices"]
    ] == [(0, "a1a2", "stop"), (1, "b1b2", "length")]


def test_every_choice_of_the_tensors_is_added_up() -> None:
    found = aggregate(oip.answer("a", "b"), oip.answer("c", "d"))
    assert [choice["message"]["content"] for choice in found["choices"]] == ["ac", "bd"]


def test_the_fragments_of_tool_calls_are_put_together() -> None:
    calls = [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a"'}},
        {"index": 1, "id": "c2", "type": "function", "function": {"name": "g", "arguments": "x"}},
        {"index": 0, "function": {"arguments": ":1}"}},
    ]
    chunks = [chunk(part(tool_calls=[call])) for call in calls]
    [choice] = aggregate(*chunks)["choices"]
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [
            CALL,
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "x"}},
        ],
    }
    assert choice["finish_reason"] == "tool_calls"


def test_a_fragment_may_lack_its_function() -> None:
    begun = {**CALL, "index": 0}
    assert message_of(chunk(part(tool_calls=[begun])), chunk(part(tool_calls=[{"index": 0}])), END)[
        "tool_calls"
    ] == [CALL]


def test_the_fragments_in_tensors_are_put_together() -> None:
    events = [
        oip.response(oip.text("role", "assistant"), oip.text("tool_calls", json.dumps(call)))
        for call in (
            {"id": "c1", "function": {"name": "f", "arguments": '{"a"'}},
            {"id": "c1", "function": {"name": "f", "arguments": ":1}"}},
            {"id": "c2", "function": {"name": "g"}},
        )
    ]
    silent = {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}
    assert message_of(*events)["tool_calls"] == [CALL, silent]


def test_function_calls_are_put_together() -> None:
    pieces = [{"name": "f", "arguments": "{"}, {"arguments": "}"}, {"name": None}]
    [choice] = aggregate(*(chunk(part(function_call=piece)) for piece in pieces))["choices"]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert choice["message"]["content"] is None
    assert choice["finish_reason"] == "function_call"


def test_a_choice_that_says_nothing_has_an_empty_content() -> None:
    assert message_of(chunk(part(role="assistant")), END)["content"] == ""


def test_refusals_are_put_together() -> None:
    message = message_of(chunk(part(refusal="I ")), chunk(part(refusal="won't")))
    assert (message["content"], message["refusal"]) == (None, "I won't")


def test_logprobs_are_joined_to_the_digit() -> None:
    def token(text: str) -> str:
        return f'{{"index":0,"delta":{{"content":"x"}},"logprobs":{text}}}'

    choices = [
        token('{"content":[{"token":"a","logprob":-0.10,"bytes":null,"top_logprobs":[]}]}'),
        token("null"),
        token('{"content":[{"token":"b","logprob":-1e-7,"bytes":null,"top_logprobs":[]}]}'),
    ]
    events = [
        oip.provided(json.dumps(HEAD)[:-1] + f',"choices":[{choice}]}}') for choice in choices
    ]
    assert (
        b'{"content":[{"token":"a","logprob":-0.10,"bytes":null,"top_logprobs":[]},'
        b'{"token":"b","logprob":-1e-7,"bytes":null,"top_logprobs":[]}],"refusal":null}'
        in aggregated(stream(*events))
    )


@pytest.mark.parametrize(
    ("pieces", "joined"),
    [
        ([{"content": [TOKEN], "refusal": None}, {"content": None}], {"content": [TOKEN]}),
        ([{"refusal": [TOKEN]}, {"refusal": None}], {"refusal": [TOKEN]}),
        ([{"content": None}, {"refusal": [TOKEN]}], {"refusal": [TOKEN]}),
        ([{"content": []}, {"refusal": []}], {"content": [], "refusal": []}),
        ([None, None], None),
    ],
)
def test_logprobs_that_are_half_there_are_joined_too(pieces: list[Any], joined: Any) -> None:
    chunks = [chunk({**part(content="x"), "logprobs": piece}) for piece in pieces]
    [choice] = aggregate(*chunks)["choices"]
    expected = None if joined is None else {"content": None, "refusal": None, **joined}
    assert choice["logprobs"] == expected


def test_logprobs_of_tensors_are_joined() -> None:
    documents = [oip.answer(text) for text in "ab"]
    for document, text in zip(documents, "ab", strict=True):
        document["outputs"].append(
            oip.text("logprobs", json.dumps([{"token": text, "logprob": -0.5}]))
        )
    [choice] = aggregate(*documents)["choices"]
    tokens = [{**TOKEN, "token": text} for text in "ab"]
    assert choice["logprobs"] == {"content": tokens, "refusal": None}


@pytest.mark.parametrize(
    "chunks",
    [
        [FIRST, END, chunk(usage=TOTAL)],
        [FIRST, chunk(part(reason="stop"), usage=TOTAL)],
        [chunk(part(role="assistant"), usage={**TOTAL, "total_tokens": 8}), chunk(usage=TOTAL)],
        [{**oip.answer("x"), "parameters": COUNTS}, oip.answer("y")],
    ],
)
def test_usage_is_kept(chunks: list[Any]) -> None:
    assert aggregate(*chunks)["usage"] == TOTAL


def test_usage_is_kept_to_the_digit() -> None:
    counts = json.dumps(TOTAL)[:-1] + ',"cost":1.10}'
    usage = json.dumps(HEAD)[:-1] + f',"choices":[],"usage":{counts}}}'
    assert counts.replace(" ", "").encode() in aggregated(stream(FIRST, oip.provided(usage)))


def test_usage_that_is_not_known_is_zeros() -> None:
    assert aggregate(FIRST, END)["usage"] == NO_USAGE


def test_what_a_provider_says_of_itself_is_kept() -> None:
    more = {"service_tier": "default", "system_fingerprint": "fp_1"}
    found = aggregate(chunk(part(content="a"), **more), chunk(part(content="b"), service_tier=None))
    assert {name: found[name] for name in more} == more


def test_what_a_compatible_provider_gets_wrong_is_put_right_first() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a"'}}
    rest = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": ":1}"}}
    found = aggregate(
        chunk(part(role="assistant", tool_calls=[call])),
        chunk(part(role="assistant", tool_calls=[rest]), id="other", created=1),
        chunk(part(reason="tool_calls")),
        chunk(part(reason="tool_calls")),
    )
    assert (found["id"], found["created"]) == (HEAD["id"], HEAD["created"])
    [choice] = found["choices"]
    assert choice["message"]["tool_calls"] == [CALL]
    assert choice["message"]["content"] is None


def test_the_model_is_called_what_the_client_called_it() -> None:
    assert aggregate(oip.answer("a"), oip.answer("b"))["model"] == "m"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "ended its stream without a response"),
        (b": ping\n\n", "ended its stream without a response"),
        (b"data: [DONE]\n\n", "ended its stream without a response"),
        (stream({}, {}), "ended its stream without a response"),
        (stream(oip.answer("x"), {"error": "CUDA out of memory"}), "CUDA out of memory"),
        (stream(FIRST, oip.provided({"error": {"message": "quota"}})), "quota"),
        (event(oip.provided({"error": {"message": "quota"}})), "quota"),
        (event({"error": "CUDA out of memory"}), "CUDA out of memory"),
        (event({}), "could not be understood"),
        (event(oip.answer("x")) + b"data: {\n\n", "could not be understood"),
        (b"garbage: " + event(oip.answer("x")) + b"data: x\n\n", "could not be understood"),
        (stream(FIRST, oip.provided({**HEAD, "choices": {}})), "could not be understood"),
        (b"data: " + b"x" * (65 * 1024 * 1024), "could not be understood"),
    ],
)
def test_what_adds_up_to_no_answer_is_upstreams_fault(body: bytes, message: str) -> None:
    with pytest.raises(UpstreamError, match=message) as caught:
        aggregated(body)
    assert caught.value.status == 502


def test_a_single_chunk_is_a_whole_answer() -> None:
    answer = aggregate(chunk(part(reason="stop", role="assistant", content="Hello")))
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == "Hello"


def test_arguments_that_never_came_are_those_of_an_empty_object() -> None:
    call = {"index": 0, **CALL, "function": {"name": "f", "arguments": ""}}
    [found] = message_of(chunk(part(tool_calls=[call])), END)["tool_calls"]
    assert found["function"]["arguments"] == "{}"


def test_only_texts_that_grow_are_joined() -> None:
    def thought(text: str) -> Any:
        details = [{"index": 0, "type": "reasoning.text", "text": text}]
        return chunk(part(channel="analysis", reasoning_details=details), obfuscation="xyz")

    answer = aggregate(thought("h"), thought("m"), MORE, END)
    message = answer["choices"][0]["message"]
    assert message["channel"] == "analysis"
    assert message["reasoning_details"] == [{"index": 0, "type": "reasoning.text", "text": "hm"}]
    assert "obfuscation" not in answer


def test_calls_of_null_are_none() -> None:
    first = part(role="assistant", content="a", tool_calls=None, function_call=None)
    message = message_of(chunk(first), chunk(part(content="b", tool_calls=None)), END)
    assert message == {"role": "assistant", "content": "ab", "refusal": None}
