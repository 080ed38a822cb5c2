"""Streamed answers to a chat completion."""

import json
from typing import Any

import pytest

from tests import oip
from tests.invariants import check_chunks
from tests.unit.events import documents_of, event, stream
from tests.unit.translating import NOW, chat, chat_stream, complete
from translator.errors import UpstreamError

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":'}}
COUNTS = {"prompt_tokens": 7, "completion_tokens": 5}
TOTAL = {**COUNTS, "total_tokens": 12}


def run(*chunks: bytes, include_usage: bool = False) -> bytes:
    """The whole output for these chunks and the end of the stream."""
    translator = chat_stream(include_usage=include_usage)
    return b"".join(map(translator.feed, chunks)) + translator.finish()


def translate(*documents: Any, include_usage: bool = False) -> list[Any]:
    return documents_of(run(stream(*documents), include_usage=include_usage))


def choices(*documents: Any) -> list[Any]:
    return [choice for chunk in translate(*documents) for choice in chunk["choices"]]


def deltas(*documents: Any) -> list[Any]:
    return [choice["delta"] for choice in choices(*documents)]


def calling(*calls: Any) -> dict[str, Any]:
    return oip.response(
        oip.text("role", "assistant"), oip.text("tool_calls", *map(json.dumps, calls))
    )


def test_every_chunk_is_a_whole_chunk_of_openais() -> None:
    head = {"object": "chat.completion.chunk", "id": "chatcmpl-4f5c", "created": NOW, "model": "m"}
    last: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": None}
    first = {"role": "assistant", "content": "Hel", "refusal": None}
    assert translate(oip.answer("Hel"), oip.answer("lo")) == [
        {**head, "choices": [{**last, "delta": first, "finish_reason": None}]},
        {**head, "choices": [{**last, "delta": {"content": "lo"}, "finish_reason": None}]},
        {**head, "choices": [last]},
    ]


def test_a_chunk_goes_out_as_soon_as_its_event_is_complete() -> None:
    translator = chat_stream()
    text = event(oip.answer("Hi"))
    assert translator.feed(text[:-1]) == b""
    assert b'"content":"Hi"' in translator.feed(text[-1:])


def test_the_role_is_said_once_per_choice() -> None:
    found = choices(oip.answer("a", "b"), oip.answer("c", "d"))
    assert [(choice["index"], choice["delta"].get("role")) for choice in found[:4]] == [
        (0, "assistant"),
        (1, "assistant"),
        (0, None),
        (1, None),
    ]


def test_every_choice_is_finished_in_order() -> None:
    found = choices(oip.answer("a"), oip.answer("b", "c"))
    assert [(choice["index"], choice["finish_reason"]) for choice in found[-2:]] == [
        (0, "stop"),
        (1, "stop"),
    ]


def test_events_that_add_nothing_make_no_chunk() -> None:
    assert deltas(oip.answer(""), oip.answer(""), oip.answer("a"), oip.response()) == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "a"},
        {},
    ]


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (["length"], "length"),
        (["", "length"], "length"),
        (["length", None], "length"),
        ([None, None], "stop"),
    ],
)
def test_the_runtimes_finish_reason_is_kept_to_the_end(
    reasons: list[str | None], expected: str
) -> None:
    documents = [oip.answer("x") for _ in reasons]
    for document, reason in zip(documents, reasons, strict=True):
        if reason is not None:
            document["outputs"].append(oip.text("finish_reason", reason))
    found = [choice["finish_reason"] for choice in choices(*documents)]
    assert found == [*(None for _ in reasons), expected]


def test_a_tool_call_is_named_once_and_then_only_extended() -> None:
    rest = {**CALL, "function": {"name": "f", "arguments": "1}"}}
    assert deltas(calling(CALL), calling(rest)) == [
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "tool_calls": [{"index": 0, **CALL}],
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
        {},
    ]


def test_tool_calls_are_numbered_in_the_order_they_appear() -> None:
    other = {**CALL, "id": "c2"}
    found = deltas(calling(CALL), calling(other), calling(other, CALL))
    indices = [[call["index"] for call in delta.get("tool_calls", ())] for delta in found]
    assert indices == [[0], [1], [1, 0], []]


def test_a_choice_that_called_a_tool_says_so_at_its_end() -> None:
    assert choices(calling(CALL), oip.answer("done"))[-1]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("where", ["tensor", "parameter"])
def test_usage_comes_last_for_those_who_asked(where: str) -> None:
    document = oip.answer("x")
    if where == "tensor":
        document["outputs"] += [
            {"name": name, "shape": [1], "datatype": "INT64", "data": [count]}
            for name, count in COUNTS.items()
        ]
    else:
        document["parameters"] = COUNTS
    chunks = translate(document, oip.answer("y"), include_usage=True)
    assert [chunk["usage"] for chunk in chunks] == [None, None, None, TOTAL]
    assert chunks[-1]["choices"] == []


def test_usage_is_not_sent_to_those_who_did_not_ask() -> None:
    chunks = translate({**oip.answer("x"), "parameters": COUNTS})
    assert all("usage" not in chunk for chunk in chunks)
    assert all(chunk["choices"] for chunk in chunks)


def test_usage_that_is_not_known_is_zeros() -> None:
    *others, last = translate(oip.answer("x"), include_usage=True)
    assert all(chunk["usage"] is None for chunk in others)
    assert last["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def test_the_model_is_called_what_the_client_called_it() -> None:
    assert {chunk["model"] for chunk in translate(oip.answer("x"))} == {"m"}


def test_all_chunks_have_the_first_responses_id() -> None:
    chunks = translate({**oip.answer("a"), "id": "1"}, {**oip.answer("b"), "id": "2"})
    assert {chunk["id"] for chunk in chunks} == {"chatcmpl-1"}


def test_a_stream_without_ids_has_one_id_all_the_same() -> None:
    chunks = translate(*({**oip.answer("a"), "id": None} for _ in range(3)))
    [identity] = {chunk["id"] for chunk in chunks}
    assert identity.startswith("chatcmpl-")


def test_a_done_of_the_servers_own_is_the_end() -> None:
    hello = stream(oip.answer("Hi"))
    assert run(hello, b"data: [DONE]\n\n", hello) == run(hello)
    assert run(hello + b"data:  [DONE] \n\n" + hello) == run(hello)


def test_nothing_is_said_after_the_end() -> None:
    translator = chat_stream()
    translator.feed(event(oip.answer("Hi")) + b"data: [DONE]\n\n")
    assert translator.feed(event(oip.answer("more"))) == b""
    assert translator.finish() == b""


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_and_comments_are_fine(ending: bytes) -> None:
    data = json.dumps(oip.answer("Hi")).encode()
    framed = ending.join([b": ping", b"event: message", b"data: " + data, b"", b""])
    assert run(framed) == run(event(oip.answer("Hi")))


def test_a_last_event_that_was_cut_off_before_its_blank_line_counts() -> None:
    assert run(event(oip.answer("Hi")).rstrip(b"\n")) == run(event(oip.answer("Hi")))


@pytest.mark.parametrize(
    ("bad", "status_message"),
    [
        ({"error": "CUDA out of memory"}, "CUDA out of memory"),
        ({"error": {"message": "no more tokens"}}, "no more tokens"),
        ({"error": {"code": 7}}, "The model server failed while it was responding."),
        ({"error": 'File "/srv/x.py", line 3'}, "The model server failed while it was responding."),
        (oip.provided({"error": {"message": "quota"}}), "quota"),
        (oip.provided({"error": {}}), "The model provider failed."),
        ([], "The model server sent a response that could not be understood."),
        (
            oip.response(oip.text("output_all", "x")),
            "The model server sent a response that could not be understood.",
        ),
        (
            oip.response(oip.text("tool_calls", "x")),
            "The model server sent a response that could not be understood.",
        ),
    ],
)
def test_an_error_ends_the_stream_after_what_came_before_it(bad: Any, status_message: str) -> None:
    chunks = translate(oip.answer("Hi"), bad, oip.answer("dropped"))
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks[:-1]] == ["Hi"]
    assert chunks[-1] == {
        "error": {
            "message": status_message,
            "type": "server_error",
            "param": None,
            "code": "upstream_error",
        }
    }


@pytest.mark.parametrize("garbage", [b"data: {\n\n", b"data: \xff\n\n", b"data: oops"])
def test_garbage_is_an_error(garbage: bytes) -> None:
    *_, last = documents_of(run(event(oip.answer("Hi")), garbage))
    assert "could not be understood" in last["error"]["message"]


@pytest.mark.parametrize("nothing", [b"", b": ping\n\n", b"\n\n", b"data: [DONE]\n\n"])
def test_a_stream_without_an_answer_is_an_error(nothing: bytes) -> None:
    [only] = documents_of(run(nothing))
    assert only["error"]["message"] == "The model server ended its stream without a response."


def test_an_event_that_is_too_large_is_an_error() -> None:
    translator = chat_stream()
    piece = b"data: " + b"x" * (16 * 1024 * 1024)
    output = b"".join(translator.feed(piece) for _ in range(5)) + translator.finish()
    [only] = documents_of(output)
    assert only["error"]["message"] == "The model server sent too large an event."


def test_empty_data_keeps_the_connection_alive_and_nothing_else() -> None:
    assert documents_of(run(b"data:\n\n" + stream(oip.answer("Hi")) + b"data: \n\n"))[0]["choices"]


@pytest.mark.parametrize("nothing", [{}, {"outputs": []}])
def test_events_that_say_nothing_are_no_answer(nothing: Any) -> None:
    (document,) = translate(nothing)
    assert "without a response" in document["error"]["message"]


def test_a_finish_reason_is_not_unsaid_by_a_later_event() -> None:
    ended = oip.response(oip.text("content", "Hi"), oip.text("finish_reason", "length"))
    after = oip.response(oip.text("content", ""), oip.text("finish_reason", ""))
    assert choices(ended, after)[-1]["finish_reason"] == "length"


def test_what_few_runtimes_give_is_streamed_too() -> None:
    first = oip.response(oip.text("role", "assistant"), oip.text("refusal", "I "))
    more = oip.response(oip.text("role", "assistant"), oip.text("refusal", "won't"))
    assert deltas(first, more) == [
        {"role": "assistant", "content": None, "refusal": "I "},
        {"refusal": "won't"},
        {},
    ]


def test_a_function_call_is_named_once_and_then_only_extended() -> None:
    events = [
        oip.response(oip.text("role", "assistant"), oip.text("function_call", json.dumps(call)))
        for call in ({"name": "f", "arguments": '{"a"'}, {"name": "f", "arguments": ":1}"})
    ]
    first, more, end = choices(*events)
    assert first["delta"]["function_call"] == {"name": "f", "arguments": '{"a"'}
    assert first["delta"]["content"] is None
    assert more["delta"] == {"function_call": {"arguments": ":1}"}}
    assert end["finish_reason"] == "function_call"


def test_logprobs_stand_in_the_chunk_of_their_tokens() -> None:
    token = {"token": "Hi", "logprob": -0.5, "bytes": None, "top_logprobs": []}
    documents = [oip.answer("Hi"), oip.answer(""), oip.answer("!")]
    for document in documents[:2]:
        document["outputs"].append(oip.text("logprobs", json.dumps([token])))
    found = choices(*documents)
    own = {"content": [token], "refusal": None}
    assert [choice["logprobs"] for choice in found] == [own, own, None, None]
    assert [choice["delta"].get("content") for choice in found] == ["Hi", None, "!", None]


def test_logprobs_are_kept_to_the_digit() -> None:
    document = oip.answer("Hi")
    document["outputs"].append(oip.text("logprobs", '[{"token":"a","logprob":-1.10e-7}]'))
    token = b'{"token":"a","logprob":-1.10e-7,"bytes":null,"top_logprobs":[]}'
    assert b'"logprobs":{"content":[' + token + b'],"refusal":null}' in run(event(document))


def test_arguments_that_never_came_are_those_of_an_empty_object() -> None:
    silent = {"id": "c2", "function": {"name": "g"}}
    *_, late, end = choices(calling(CALL, silent), oip.answer("x"))
    function = {"name": "g", "arguments": "{}"}
    whole = {"index": 1, "id": "c2", "type": "function", "function": function}
    assert late["delta"] == {"tool_calls": [whole]}
    assert (late["finish_reason"], end["finish_reason"]) == (None, "tool_calls")


@pytest.mark.parametrize(
    "calls",
    [
        [CALL, {"function": {"arguments": "1}"}}],
        [{"index": 0, **CALL}, {"index": 0, "function": {"arguments": "1}"}}],
        [{"index": 3, **CALL}, {"index": 3, "function": {"arguments": "1}"}}],
        [CALL, {"id": "c1", "arguments": "1}"}],
        [CALL, {"id": "", "index": None, "name": "", "arguments": "1}"}],
    ],
)
def test_a_call_goes_on_with_or_without_its_id_and_its_index(calls: list[Any]) -> None:
    found = [delta.get("tool_calls") for delta in deltas(*map(calling, calls))]
    assert found == [
        [{"index": 0, **CALL}],
        [{"index": 0, "function": {"arguments": "1}"}}],
        None,
    ]


def test_calls_that_all_have_the_index_0_are_told_apart_by_their_ids() -> None:
    found = deltas(calling({"index": 0, **CALL}), calling({"index": 0, **CALL, "id": "c2"}))
    assert [call["index"] for delta in found for call in delta.get("tool_calls", ())] == [0, 1]


def test_each_choice_has_its_own_calls() -> None:
    both = oip.response(
        oip.text("role", "assistant", "assistant"),
        oip.text("tool_calls", "", json.dumps(CALL)),
    )
    found = choices(both, oip.answer("a", "b"))
    assert [choice["delta"].get("tool_calls") for choice in found[:2]] == [
        None,
        [{"index": 0, **CALL}],
    ]
    assert [choice["finish_reason"] for choice in found[-2:]] == ["stop", "tool_calls"]


@pytest.mark.parametrize(
    ("word", "reason"),
    [("eos_token", "stop"), ("MAX_TOKENS", "length"), ("tool_use", "tool_calls")],
)
def test_the_finish_reasons_of_others_become_openais(word: str, reason: str) -> None:
    ended = oip.response(oip.text("content", "Hi"), oip.text("finish_reason", word))
    assert choices(ended)[-1]["finish_reason"] == reason


def test_the_counts_that_came_last_are_the_usage() -> None:
    events = [
        {**oip.answer("x"), "parameters": {**COUNTS, "completion_tokens": count}}
        for count in (1, 5)
    ]
    *_, last = translate(*events, oip.answer("y"), include_usage=True)
    assert last["usage"] == TOTAL


def test_an_upstream_error_is_one_that_clients_know() -> None:
    check_chunks(translate(oip.answer("Hi"), {"error": "CUDA out of memory"}))


def whole(document: Any, *, include_usage: bool = False) -> list[Any]:
    """The stream that one whole response becomes."""
    inference = chat(stream=True, stream_options={"include_usage": include_usage})
    found = documents_of(complete(inference, document))
    check_chunks(found, include_usage=include_usage, verbatim=True)
    return found


@pytest.mark.parametrize(
    "document",
    [
        oip.answer("Hello"),
        oip.answer("a", "b", "c"),
        calling(CALL, {**CALL, "id": "c2"}),
        {**oip.answer("Hello"), "parameters": COUNTS},
        oip.response(oip.text("content", "x"), oip.text("finish_reason", "length")),
    ],
)
def test_a_whole_response_is_a_stream_of_one_event(document: Any) -> None:
    for include_usage in (True, False):
        assert whole(document, include_usage=include_usage) == translate(
            document, include_usage=include_usage
        )


def test_the_stream_of_a_whole_response_says_all_of_it() -> None:
    document = oip.answer("a", "")
    document["outputs"].append(oip.text("tool_calls", "", json.dumps([CALL])))
    document["parameters"] = COUNTS
    found = whole(document, include_usage=True)
    assert [
        (choice["index"], choice["delta"], choice["finish_reason"])
        for chunk in found
        for choice in chunk["choices"]
    ] == [
        (0, {"role": "assistant", "content": "a", "refusal": None}, None),
        (
            1,
            {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "tool_calls": [{"index": 0, **CALL}],
            },
            None,
        ),
        (0, {}, "stop"),
        (1, {}, "tool_calls"),
    ]
    assert found[-1]["usage"] == TOTAL


def test_a_providers_whole_completion_is_a_stream_too() -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]}
    document = {
        "id": "chatcmpl-9",
        "object": "chat.completion",
        "created": 7,
        "model": "gpt",
        "choices": [
            {"index": 0, "message": message, "finish_reason": "tool_calls"},
            {"index": 1, "message": {"content": "b", "role": "assistant"}, "finish_reason": "stop"},
        ],
        "usage": TOTAL,
    }
    found = whole(oip.provided(document), include_usage=True)
    assert {(chunk["id"], chunk["created"], chunk["model"]) for chunk in found} == {
        ("chatcmpl-9", 7, "gpt")
    }
    said = [choice for chunk in found for choice in chunk["choices"]]
    calls = [call for choice in said for call in choice["delta"].get("tool_calls", ())]
    assert calls == [{"index": 0, **CALL}, {"index": 1, **CALL, "id": "c2"}]
    assert "".join(choice["delta"].get("content") or "" for choice in said) == "b"
    assert {
        choice["index"]: choice["finish_reason"] for choice in said if choice["finish_reason"]
    } == {0: "tool_calls", 1: "stop"}
    assert found[-1]["usage"] == TOTAL


@pytest.mark.parametrize(
    "document",
    [
        {},
        oip.response(),
        {"error": "x"},
        oip.provided({"error": {"message": "quota"}}),
        oip.provided("no JSON"),
    ],
)
def test_a_whole_response_without_an_answer_is_upstreams_fault(document: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        whole(document)
    assert caught.value.status == 502


def test_counts_that_come_one_by_one_are_all_known() -> None:
    translator = chat_stream()
    for name, count in COUNTS.items():
        translator.feed(event({**oip.answer("x"), "parameters": {name: count}}))
    assert (translator.tokens, translator.model) == ((7, 5), "chat_1")
