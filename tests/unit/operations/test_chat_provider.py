"""A provider's own chunks: left alone when they are in order, put right where they are not."""

import json
from typing import Any

import pytest

from tests import oip
from tests.invariants import check_chunks
from tests.unit.events import data_of, documents_of, event, stream
from tests.unit.translating import NOW, chat_stream
from translator.tasks.repair import Repair
from translator.tasks.tool_calls import MOST_HELD

HEAD: dict[str, Any] = {
    "id": "chatcmpl-9",
    "object": "chat.completion.chunk",
    "created": 1_699_999_999,
    "model": "gpt",
}
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
FUNCTION = {"name": "f", "arguments": ""}
Document = dict[str, Any]


def run(*chunks: Document | str, include_usage: bool = False) -> bytes:
    translator = chat_stream(include_usage=include_usage)
    return translator.feed(stream(*map(oip.provided, chunks))) + translator.finish()


def translate(*chunks: Document | str, include_usage: bool = False) -> list[Any]:
    """What a client gets of these chunks, which must be a stream it can read."""
    documents = documents_of(run(*chunks, include_usage=include_usage))
    check_chunks(documents, include_usage=include_usage, verbatim=True)
    return documents


def choices(*chunks: Document | str) -> list[Any]:
    return [choice for document in translate(*chunks) for choice in document["choices"]]


def deltas(*chunks: Document | str) -> list[Any]:
    return [choice["delta"] for choice in choices(*chunks)]


def chunk(*parts: Document, **more: Any) -> Document:
    return {**HEAD, "choices": [*parts], **more}


def part(index: int = 0, reason: str | None = None, **delta: Any) -> Document:
    return {"index": index, "delta": delta, "finish_reason": reason}


def said(**delta: Any) -> Document:
    """A chunk that adds this to choice 0."""
    return chunk(part(**delta))


def calling(*calls: Document) -> Document:
    return said(tool_calls=[*calls])


def without(name: str, document: Document) -> Document:
    return {key: value for key, value in document.items() if key != name}


FIRST = said(role="assistant", content="Hel")
MORE = said(content="lo")
END = chunk(part(reason="stop"))
CALL = {"index": 0, "id": "c1", "type": "function", "function": FUNCTION}
BEGUN = said(role="assistant", content=None, tool_calls=[CALL])
ARGUED = calling({"index": 0, "function": {"arguments": "{}"}})


def counted(document: Document, usage: Any = None) -> Document:
    return {**document, "usage": usage}


@pytest.mark.parametrize(
    ("chunks", "include_usage"),
    [
        ([FIRST, MORE, END], False),
        ([said(role="assistant", content="", refusal=None), MORE, END], False),
        ([BEGUN, ARGUED, chunk(part(reason="tool_calls"))], False),
        (
            [
                BEGUN,
                ARGUED,
                calling({**CALL, "index": 1, "id": "c2"}),
                calling({"index": 1, "function": {"arguments": "1"}}),
                calling({"index": 0, "function": {"arguments": "2"}}),
                END,
            ],
            False,
        ),
        ([chunk(part(0, role="assistant"), part(1, role="assistant"))], False),
        ([FIRST, chunk(part(1, role="assistant")), MORE, END, chunk(part(1, "length"))], False),
        ([said(role="assistant", function_call={**FUNCTION, "arguments": "{}"}), END], False),
        ([counted(FIRST), counted(END), counted(chunk(), USAGE)], True),
        ([chunk(part(0, "stop", role="assistant", content="x"))], False),
    ],
)
def test_a_stream_in_order_passes_to_the_byte(
    chunks: list[Document], *, include_usage: bool
) -> None:
    compact = [
        json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        for document in chunks
    ]
    sent = [json.dumps(document, indent=2, ensure_ascii=False) for document in chunks]
    found = data_of(run(*sent, include_usage=include_usage))
    assert found[: len(compact)] == compact
    translate(*sent, include_usage=include_usage)


def backwards(value: Any) -> Any:
    """With the keys of every object in the opposite order."""
    if isinstance(value, list):
        return [*map(backwards, value)]
    if isinstance(value, dict):
        return {key: backwards(item) for key, item in [*value.items()][::-1]}
    return value


@pytest.mark.parametrize("include_usage", [True, False])
def test_whatever_is_in_order_keeps_the_order_of_its_keys(*, include_usage: bool) -> None:
    other = calling({**CALL, "index": 1, "id": "c2"})
    nothing = calling({"index": 1, "function": {"arguments": "{}"}})
    chunks = [BEGUN, ARGUED, other, nothing, MORE, END]
    sent = [counted(document) if include_usage else document for document in chunks]
    found = data_of(run(*map(backwards, sent), include_usage=include_usage))
    assert found[: len(sent)] == [
        json.dumps(backwards(document), separators=(",", ":")).encode() for document in sent
    ]


@pytest.mark.parametrize(
    "piece",
    [
        {"index": 0},
        {"index": 0, "id": "c1"},
        {"index": 0, "id": None, "type": None, "function": None},
        {"index": 0, "function": {"name": None}},
    ],
)
def test_a_piece_that_adds_nothing_to_a_call_has_a_function_all_the_same(piece: Document) -> None:
    nothing = {"index": 0, "function": {"arguments": ""}}
    assert deltas(BEGUN, calling(piece), ARGUED)[1]["tool_calls"] == [nothing]


def test_digits_unknown_fields_and_the_order_of_keys_are_a_providers_own() -> None:
    text = (
        '{"x":1.10e-7,"id":"c","object":"chat.completion.chunk","created":7,"model":"gpt","choices":'
        '[{"index":0,"delta":{"role":"assistant","reasoning_content":"é\\u00e9"},"z":[],"finish_reason":null}],'
        '"seed":9007199254740993,"obfuscation":"xyz"}'
    )
    assert data_of(run(text))[0] == text.encode()


def test_what_is_put_right_keeps_all_else_to_the_digit() -> None:
    text = (
        '{"x":1.10e-7,"id":"other","object":"chat.completion.chunk","created":8,"model":"gpt-2",'
        '"choices":[{"z":1.50,"index":0,"delta":{"role":"assistant","content":"lo","b":2.0,"a":[]},'
        '"logprobs":{"content":[{"token":"","logprob":-0.10,"bytes":null,"top_logprobs":[]}]},"finish_reason":null}],"seed":9007199254740993}'
    )
    put_right = data_of(run(FIRST, text))[1].decode()
    for kept in (
        '"x":1.10e-7',
        '"seed":9007199254740993',
        '"z":1.50',
        '"delta":{"content":"lo","b":2.0,"a":[]}',
        '"logprobs":{"content":[{"token":"","logprob":-0.10,"bytes":null,"top_logprobs":[]}]}',
    ):
        assert kept in put_right


def test_a_role_that_is_repeated_is_said_once() -> None:
    again = said(role="assistant", content="lo")
    assert deltas(FIRST, again, chunk(part(reason="stop", role="assistant"))) == [
        {"role": "assistant", "content": "Hel"},
        {"content": "lo"},
        {},
    ]


NO_ARGUMENTS = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    "document",
    [
        chunk(*[{"index": index, "delta": {}} for index in range(2000)]),
        chunk(*[{}] * 129),
        chunk(*[{}] * 20_000),
        said(tool_calls=[{}] * 1001),
        chunk(*[{"message": {"content": "a"}}] * 2000),
        said(tool_calls=[NO_ARGUMENTS | {"index": index} for index in range(1001)]),
        chunk({"message": {"tool_calls": [NO_ARGUMENTS] * 1001}}),
        chunk(part(content="a") | {"logprobs": {"content": [{}] * 200_000}}),
        chunk(part(content="a"), x=[0] * 200_000),
    ],
    ids=[
        "deltas",
        "few choices",
        "choices",
        "empty calls",
        "messages",
        "calls",
        "whole calls",
        "logprobs",
        "values",
    ],
)
def test_an_object_with_far_too_many_values_ends_the_stream(document: Document) -> None:
    *_, error, done = data_of(run(json.dumps(document, separators=(",", ":"))))
    assert "could not be understood" in json.loads(error)["error"]["message"]
    assert done == b"[DONE]"


def test_an_object_that_is_nested_too_deeply_ends_the_stream() -> None:
    deep = '{"choices":[],"x":' + "[" * 100_000 + "0," * 60_000 + "]" * 100_000 + "}"
    *_, error, _ = data_of(run(deep))
    assert "could not be understood" in json.loads(error)["error"]["message"]


def test_long_logprobs_are_accepted() -> None:
    token = {"token": " word", "logprob": -0.25, "bytes": [*b" word"]}
    logprobs = {"content": [token | {"top_logprobs": [token] * 5}] * 5000, "refusal": None}
    [only, *_] = choices(chunk(part(content="a") | {"logprobs": logprobs}))
    assert only["logprobs"] == logprobs


def test_a_role_that_is_missing_is_said() -> None:
    assert deltas(said(content="Hel"), MORE)[:2] == [
        {"role": "assistant", "content": "Hel"},
        {"content": "lo"},
    ]


def test_each_choice_has_its_own_role() -> None:
    found = choices(chunk(part(1, content="b"), part(0, content="a")), FIRST)
    assert [(choice["index"], choice["delta"].get("role")) for choice in found[:3]] == [
        (1, "assistant"),
        (0, "assistant"),
        (0, None),
    ]


@pytest.mark.parametrize("delta", [None, {}])
def test_a_first_chunk_without_a_delta_says_the_role(delta: Any) -> None:
    first, *_ = choices(chunk({"index": 0, "delta": delta}))
    assert first == {"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}
    first, *_ = choices(chunk({"index": 0}))
    assert first["delta"] == {"role": "assistant"}


@pytest.mark.parametrize(
    "calls",
    [
        # The first without a number, from 1, all 0, all the same; then what goes on with it.
        [without("index", CALL), {"function": {"arguments": "1"}}],
        [{**CALL, "index": None}, {"index": None, "function": {"arguments": "1"}}],
        [{**CALL, "index": 1}, {"index": 1, "function": {"arguments": "1"}}],
        [{**CALL, "index": 7}, {"index": 7, "id": "c1", "function": {"arguments": "1"}}],
        # The id, type and name again.
        [CALL, {**CALL, "function": {"name": "f", "arguments": "1"}}],
        [CALL, {"index": 0, "id": "c1", "function": {"arguments": "1"}}],
        [CALL, {"index": 0, "function": {"name": "f", "arguments": "1"}}],
        [without("index", CALL), {"id": "c1", "function": {"name": "f", "arguments": "1"}}],
        # In order.
        [CALL, {"index": 0, "function": {"arguments": "1"}}],
    ],
)
def test_a_call_is_numbered_and_named_once(calls: list[Document]) -> None:
    found = deltas(BEGUN | {"choices": [part(role="assistant")]}, *map(calling, calls))
    assert [delta.get("tool_calls") for delta in found] == [
        None,
        [CALL],
        [{"index": 0, "function": {"arguments": "1"}}],
        None,
    ]


@pytest.mark.parametrize(
    "numbers", [(None, None), (0, 0), (1, 2), (5, 3), (0, 1), (0, None), (None, 0)]
)
def test_calls_are_numbered_in_the_order_in_which_they_begin(numbers: Any) -> None:
    calls = [
        {**CALL, "index": number, "id": identity}
        for number, identity in zip(numbers, ("c1", "c2"), strict=True)
    ]
    apart = [delta["tool_calls"] for delta in deltas(*map(calling, calls))[:2]]
    [together] = [delta["tool_calls"] for delta in deltas(calling(*calls))[:1]]
    expected = [{**CALL, "id": "c1"}, {**CALL, "index": 1, "id": "c2"}]
    assert (apart, together) == ([[call] for call in expected], expected)


@pytest.mark.parametrize("call", [without("id", CALL), {**CALL, "id": None}])
def test_a_call_without_an_id_is_given_one(call: Document) -> None:
    [first], [more], *_ = (
        delta["tool_calls"] for delta in deltas(calling(call), ARGUED) if "tool_calls" in delta
    )
    assert first["id"].startswith("call_")
    assert {**first, "id": "c1"} == CALL
    assert more == ARGUED["choices"][0]["delta"]["tool_calls"][0]


def test_of_a_call_in_a_chunk_of_several_only_what_is_wrong_is_put_right() -> None:
    found = deltas(BEGUN, calling({**CALL, "x": 1}, {**CALL, "index": 0, "id": "c2", "y": 2}))
    assert found[1]["tool_calls"] == [
        {"index": 0, "function": {"arguments": ""}, "x": 1},
        {**CALL, "index": 1, "id": "c2", "y": 2},
    ]


@pytest.mark.parametrize("field", ["id", "object", "created", "model"])
@pytest.mark.parametrize("how", ["missing", "null"])
def test_what_all_chunks_share_is_filled_in(field: str, how: str) -> None:
    def faulty(document: Document) -> Document:
        return without(field, document) if how == "missing" else {**document, field: None}

    for chunks in ([FIRST, faulty(MORE)], [faulty(FIRST), faulty(MORE)]):
        found = translate(*chunks)
        assert {document["object"] for document in found} == {"chat.completion.chunk"}
    first, *_ = translate(faulty(FIRST))
    assert first[field] == {"id": "chatcmpl-4f5c", "created": NOW, "model": "m"}.get(
        field, "chat.completion.chunk"
    )


def test_the_first_chunk_settles_the_id_and_the_time() -> None:
    other = {"id": "chatcmpl-10", "created": 1, "object": "something"}
    for document in translate(FIRST, {**MORE, **other}, {**END, **other}):
        assert {name: document[name] for name in ("id", "created", "object")} == {
            name: HEAD[name] for name in ("id", "created", "object")
        }


def test_a_time_with_decimals_becomes_seconds() -> None:
    found = translate({**FIRST, "created": 7.5}, {**MORE, "created": 7.75})
    assert [document["created"] for document in found] == [7, 7, 7]


def test_what_a_provider_leaves_unfinished_is_finished_in_its_name() -> None:
    end = {"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": None}
    assert translate(FIRST)[-1] == {**HEAD, "choices": [end]}


def test_unfinished_choices_are_finished_in_the_order_of_their_index() -> None:
    found = choices(chunk(part(2, content="c")), chunk(part(1, "length"), part(0)))
    assert [(choice["index"], choice["finish_reason"]) for choice in found[3:]] == [
        (0, "stop"),
        (1, "length"),
        (2, "stop"),
    ]


@pytest.mark.parametrize(
    ("delta", "reason"),
    [
        ({"content": "x"}, "stop"),
        ({"tool_calls": [CALL]}, "tool_calls"),
        ({"function_call": FUNCTION}, "function_call"),
        ({"tool_calls": [], "function_call": None}, "stop"),
    ],
)
def test_what_a_choice_called_says_why_it_ended(delta: Document, reason: str) -> None:
    assert choices(said(**delta), MORE)[-1]["finish_reason"] == reason


def test_a_finish_that_is_repeated_is_said_once() -> None:
    found = choices(FIRST, chunk(part(reason="length")), END, chunk(part(reason="length")))
    assert [choice["finish_reason"] for choice in found] == [None, "length"]


def test_what_is_said_after_a_finish_comes_before_it() -> None:
    other = part(1, role="assistant", content="x")
    found = choices(FIRST, END, chunk(part(content=" there"), other), MORE)
    assert [(choice["index"], choice["delta"].get("content")) for choice in found] == [
        (0, "Hel"),
        (0, None),
        (0, " there"),
        (1, "x"),
        (0, "lo"),
        (0, None),
        (1, None),
    ]
    assert [choice["finish_reason"] for choice in found] == [None] * 5 + ["stop", "stop"]


def test_a_finish_with_every_chunk_is_the_last() -> None:
    chunks = [chunk(part(0, "stop", content=text)) for text in ("One ", "two ", "three")]
    found = choices(*chunks)
    assert [choice["delta"]["content"] for choice in found] == ["One ", "two ", "three"]
    assert [choice["finish_reason"] for choice in found] == [None, None, "stop"]


def test_calls_after_a_finish_are_not_lost() -> None:
    first = chunk(part(0, "stop", role="assistant", tool_calls=[CALL]))
    more = chunk(part(0, "stop", tool_calls=[{"index": 0, "function": {"arguments": "{}"}}]))
    found = choices(first, more)
    assert [choice["delta"]["tool_calls"][0]["function"] for choice in found] == [
        FUNCTION,
        {"arguments": "{}"},
    ]
    assert [choice["finish_reason"] for choice in found] == [None, "stop"]


def test_choices_without_numbers_are_numbered_by_their_place() -> None:
    found = choices(chunk(without("index", part(content="a")), without("index", part(content="b"))))
    assert [(choice["index"], choice["delta"]["content"]) for choice in found[:2]] == [
        (0, "a"),
        (1, "b"),
    ]
    first = without("index", FIRST["choices"][0])
    assert [choice["index"] for choice in choices(chunk(first))] == [0, 0]


def test_usage_on_other_chunks_is_moved_to_the_end() -> None:
    first, more, end, last = translate(
        counted(FIRST, {"prompt_tokens": 1}), MORE, counted(END, USAGE), include_usage=True
    )
    assert (first["usage"], more["usage"], end["usage"]) == (None, None, None)
    assert (last["choices"], last["usage"]) == ([], USAGE)
    assert {name: last[name] for name in HEAD} == HEAD


def test_usage_before_the_finish_comes_after_it() -> None:
    usage = {**counted(chunk(), USAGE), "x": 1}
    for chunks in ([usage, FIRST, END], [FIRST, usage, END], [FIRST, END, usage], [FIRST, usage]):
        *others, last = translate(*chunks, include_usage=True)
        assert last == usage
        assert all(document["usage"] is None for document in others)
        assert [len(document["choices"]) for document in others] == [1, 1]


def test_usage_to_the_digit() -> None:
    counts = json.dumps(USAGE, separators=(",", ":"))[:-1] + ',"cost":1.10e-7}'
    text = json.dumps(chunk())[:-1] + f', "usage": {counts}}}'
    streams: list[list[Document | str]] = [
        [FIRST, END, text],
        [FIRST, text.replace("[]", json.dumps([part()]))],
    ]
    for chunks in streams:
        *_, last, _ = data_of(run(*chunks, include_usage=True))
        assert f'"usage":{counts}'.encode() in last


@pytest.mark.parametrize("usage", [None, USAGE])
def test_usage_that_nobody_asked_for_is_dropped(usage: Any) -> None:
    found = translate(counted(FIRST, usage), counted(END, usage), counted(chunk(), USAGE))
    assert found == [FIRST, END]


def test_those_who_asked_for_usage_get_null_before_it() -> None:
    found = translate(FIRST, END, counted(chunk(), USAGE), include_usage=True)
    assert [document["usage"] for document in found] == [None, None, USAGE]


def test_usage_that_is_not_known_is_zeros() -> None:
    found = translate(FIRST, END, include_usage=True)
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert [document["usage"] for document in found] == [None, None, zeros]


def test_a_usage_chunk_that_repeats_a_finished_choice_keeps_its_fields() -> None:
    again = {**counted(chunk(part(content="", role="assistant")), USAGE), "provider": "P"}
    *others, last = translate(FIRST, END, again, include_usage=True)
    assert (last["choices"], last["usage"], last["provider"]) == ([], USAGE, "P")
    assert others == [counted(FIRST), counted(END)]


def test_a_word_on_the_prompt_before_there_is_an_id_waits_for_it() -> None:
    verdict = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "x": [1.5]}
    first, *others = translate(verdict, FIRST, END)
    assert first == {**HEAD, "choices": [], "x": [1.5]}
    assert others == [FIRST, END]


MESSAGE: Document = {"role": "assistant", "content": "Hello", "refusal": None, "annotations": []}
WHOLE = {
    **HEAD,
    "object": "chat.completion",
    "choices": [
        {"index": 0, "message": MESSAGE, "logprobs": None, "finish_reason": "length", "x": 1}
    ],
    "usage": USAGE,
    "system_fingerprint": "fp",
}


def whole(*messages: Document, reason: str | None = None) -> Document:
    given = {} if reason is None else {"finish_reason": reason}
    return {
        **WHOLE,
        "choices": [
            {"index": index, "message": message, **given} for index, message in enumerate(messages)
        ],
    }


def test_a_whole_completion_becomes_the_chunks_it_would_have_been() -> None:
    said, end, usage = translate(WHOLE, include_usage=True)
    shared = {**HEAD, "system_fingerprint": "fp"}
    for document in (said, end, usage):
        assert {name: document[name] for name in shared} == shared
    assert said["choices"] == [
        {"index": 0, "delta": MESSAGE, "logprobs": None, "finish_reason": None, "x": 1}
    ]
    [choice] = end["choices"]
    assert (choice["index"], choice["delta"], choice["finish_reason"]) == (0, {}, "length")
    assert [document["usage"] for document in (said, end, usage)] == [None, None, USAGE]


def test_a_whole_completion_gives_usage_only_to_those_who_asked() -> None:
    found = translate(WHOLE)
    assert [len(document["choices"]) for document in found] == [1, 1]
    assert all("usage" not in document for document in found)


def test_every_choice_of_a_whole_completion_is_split() -> None:
    found = choices(whole(MESSAGE, {**MESSAGE, "content": "Bye"}, reason="length"))
    for index, content in enumerate(["Hello", "Bye"]):
        own = [choice for choice in found if choice["index"] == index]
        assert [choice["delta"].get("content") for choice in own] == [content, None]
        assert [choice["finish_reason"] for choice in own] == [None, "length"]


def test_the_calls_of_a_whole_completion_are_numbered() -> None:
    calls = [without("index", CALL), without("index", {**CALL, "id": "c2"})]
    message = {**MESSAGE, "content": None, "tool_calls": calls}
    said, *_, end = choices(whole(message))
    assert said["delta"]["tool_calls"] == [CALL, {**CALL, "index": 1, "id": "c2"}]
    assert end["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"tool_calls": []}, "stop"),
        ({"tool_calls": None}, "stop"),
        ({"function_call": {"name": "f", "arguments": "{}"}}, "function_call"),
    ],
)
def test_a_whole_completion_that_does_not_say_why_it_ended_is_finished(
    more: Document, reason: str
) -> None:
    assert choices(whole({**MESSAGE, **more}))[-1]["finish_reason"] == reason


def test_a_whole_completion_keeps_its_digits() -> None:
    text = json.dumps(WHOLE).replace('"x": 1', '"x": 1.10e-7')
    assert b'"x":1.10e-7' in data_of(run(text))[0]


@pytest.mark.parametrize(
    "odd",
    [
        {**FIRST, "id": 7},
        {**FIRST, "created": "now"},
        {**FIRST, "model": ["gpt"]},
        {**FIRST, "object": 1},
        {**FIRST, "choices": [{**FIRST["choices"][0], "index": "0"}]},
        {**FIRST, "choices": [{**FIRST["choices"][0], "finish_reason": 0}]},
    ],
)
def test_a_field_of_a_wrong_type_is_put_right(odd: Document) -> None:
    for chunks in ((odd, END), (odd, odd, END)):
        found = translate(*chunks)
        assert found[0]["choices"][0]["delta"]["content"] == "Hel"


@pytest.mark.parametrize(
    "odd",
    [
        {**FIRST, "choices": {}},
        {**FIRST, "choices": [{"index": 0, "delta": "x"}]},
        {**FIRST, "choices": [{"index": 0, "delta": {"tool_calls": {}}}]},
    ],
)
def test_what_is_no_chunk_at_all_is_an_error(odd: Document) -> None:
    *_, last = translate(FIRST, odd, END)
    assert "could not be understood" in last["error"]["message"]


def test_choices_without_an_index_are_numbered_as_they_stand() -> None:
    both = [{"index": None, "message": {**MESSAGE, "content": text}} for text in "ab"]
    found = choices({**WHOLE, "choices": both})
    assert [choice["index"] for choice in found if choice["delta"]] == [0, 1]


def test_a_model_that_changes_within_a_stream_is_the_first() -> None:
    assert {chunk["model"] for chunk in translate(FIRST, {**END, "model": "other"})} == {"gpt"}


@pytest.mark.parametrize(("word", "reason"), [("eos_token", "stop"), ("max_tokens", "length")])
def test_another_vendors_word_for_the_end_is_openais(word: str, reason: str) -> None:
    *_, last = choices(FIRST, chunk(part(reason=word)))
    assert last["finish_reason"] == reason


def test_a_providers_call_without_arguments_has_those_of_an_empty_object() -> None:
    bare = calling({**CALL, "function": {"name": "f"}})
    assert deltas(bare)[1]["tool_calls"] == [{"index": 0, "function": {"arguments": "{}"}}]


def test_a_providers_arguments_in_an_object_become_text() -> None:
    [call] = deltas(calling({**CALL, "function": {"name": "f", "arguments": {"a": 1}}}))[0][
        "tool_calls"
    ]
    assert call["function"]["arguments"] == '{"a":1}'


def test_tensors_and_chunks_in_one_stream_are_one_answer() -> None:
    body = event(oip.provided(FIRST)) + event(oip.answer("lo"))
    found = documents_of(chat_stream().feed(body + b"data: [DONE]\n\n"))
    check_chunks(found, verbatim=True)
    said = [choice["delta"].get("content") for chunk in found for choice in chunk["choices"]]
    assert said == ["Hel", "lo", None]


@pytest.mark.parametrize("identity", ["", None])
def test_an_empty_id_goes_on_with_the_call_of_its_index(identity: str | None) -> None:
    more = calling({"index": 0, "id": identity, "function": {"arguments": "{}"}})
    assert deltas(BEGUN, more)[1]["tool_calls"][0]["index"] == 0


def test_a_call_that_begins_with_an_empty_id_is_given_one() -> None:
    [first] = deltas(said(role="assistant", tool_calls=[{**CALL, "id": ""}]))[0]["tool_calls"]
    assert first["id"].startswith("call_")


def test_a_call_that_begins_without_a_type_is_a_function() -> None:
    first = said(role="assistant", tool_calls=[without("type", CALL)])
    assert deltas(first)[0]["tool_calls"] == [CALL]


def test_a_piece_with_an_index_goes_on_with_the_latest_call_of_that_index() -> None:
    other = calling({**CALL, "id": "c2"})
    found = deltas(BEGUN, ARGUED, other, ARGUED)
    assert [delta["tool_calls"][0]["index"] for delta in found[:4]] == [0, 0, 1, 1]


def test_an_empty_finish_reason_is_none() -> None:
    found = choices(chunk(part(0, "", role="assistant", content="a")), chunk(part(0, "")), END)
    assert [choice["finish_reason"] or None for choice in found] == [None, None, "stop"]


@pytest.mark.parametrize("role", ["", None])
def test_an_empty_role_is_none(role: str | None) -> None:
    assert deltas(said(role=role, content="a"))[0]["role"] == "assistant"
    assert not deltas(FIRST, said(role=role, content="a"))[1].get("role")


@pytest.mark.parametrize("nothing", [without("choices", chunk()), {**HEAD, "choices": None}])
def test_every_chunk_has_choices(nothing: Document) -> None:
    found = translate(FIRST, {**nothing, "x": 1}, END)
    assert [document["choices"] for document in found] == [
        FIRST["choices"],
        [],
        END["choices"],
    ]
    assert found[1]["x"] == 1


@pytest.mark.parametrize("end", [{"delta": None}, {}])
def test_every_choice_has_a_delta(end: Document) -> None:
    last = chunk({"index": 0, "finish_reason": "stop", **end})
    assert deltas(FIRST, last) == [{"role": "assistant", "content": "Hel"}, {}]


def test_a_chunk_with_a_message_beside_its_delta_is_a_chunk() -> None:
    first = chunk({**part(role="assistant", content="a"), "message": {**MESSAGE, "content": "a"}})
    more = chunk({**part(content="b"), "message": {**MESSAGE, "content": "ab"}})
    found = deltas(first, more, END)
    assert [delta.get("content") for delta in found] == ["a", "b", None]


@pytest.mark.parametrize(
    ("other", "content"),
    [({"message": None}, None), ({}, None), ({"delta": {"content": "x"}}, "x")],
)
def test_a_choice_without_a_message_beside_one_with_it_says_what_it_can(
    other: Document, content: str | None
) -> None:
    found = choices({**WHOLE, "choices": [{"index": 0, "message": MESSAGE}, {"index": 1, **other}]})
    first, *_ = [choice for choice in found if choice["index"] == 1]
    assert first["delta"].get("content") == content


@pytest.mark.parametrize("usage", [{}, {"usage": None}])
@pytest.mark.parametrize("include_usage", [True, False])
def test_a_whole_completion_without_usage_ends_with_its_finish(
    usage: Document, *, include_usage: bool
) -> None:
    found = translate({**without("usage", WHOLE), **usage}, include_usage=include_usage)
    assert [len(document["choices"]) for document in found] == [1, 1, 0][: 2 + include_usage]


def test_usage_without_an_id_is_usage_all_the_same() -> None:
    usage = without("id", counted(chunk(), USAGE))
    *_, last = translate(FIRST, END, usage, include_usage=True)
    assert last["usage"] == USAGE


def test_what_a_call_of_a_whole_completion_lacks_is_filled_in() -> None:
    bare = {"index": 1, "function": {"name": "f", "arguments": "{}"}}
    said, *_ = choices(whole({**MESSAGE, "role": None, "tool_calls": [bare]}))
    [call] = said["delta"]["tool_calls"]
    assert (said["delta"]["role"], call["index"], call["type"]) == ("assistant", 0, "function")


def test_a_call_that_begins_with_a_type_of_null_is_a_function() -> None:
    assert deltas(calling({**CALL, "type": None}))[0]["tool_calls"][0]["type"] == "function"


def test_every_choice_has_a_finish_reason_if_only_null() -> None:
    chunks = [chunk(without("finish_reason", part(content="a"))) for _ in range(2)]
    assert [choice["finish_reason"] for choice in choices(FIRST, *chunks)][:3] == [None] * 3


def test_usage_before_there_is_an_id_is_usage_all_the_same() -> None:
    usage = without("id", counted(chunk(), USAGE))
    *_, last = translate(usage, FIRST, END, include_usage=True)
    assert last["usage"] == USAGE


def test_a_word_on_the_prompt_waits_for_a_whole_completion_too() -> None:
    verdict = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "x": [1.5]}
    first, *_ = translate(verdict, WHOLE)
    assert first == {**HEAD, "choices": [], "x": [1.5]}


@pytest.mark.parametrize("include_usage", [True, False])
def test_tokens_are_known_whether_the_client_asked_or_not(*, include_usage: bool) -> None:
    translator = chat_stream(include_usage=include_usage)
    said = {**HEAD, "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": None}]}
    translator.feed(stream(oip.provided(said)))
    assert (translator.model, translator.tokens) == ("gpt", (None, None))
    translator.feed(stream(oip.provided({**HEAD, "choices": [], "usage": USAGE})))
    assert translator.tokens == (7, 5)


def test_what_waited_for_the_end_is_said_before_an_error() -> None:
    last = chunk(part(0, "stop", content="lo"))
    *said, error = translate(FIRST, last, {"error": {"message": "quota"}})
    assert [document["choices"][0]["delta"].get("content") for document in said] == ["Hel", "lo"]
    assert [document["choices"][0]["finish_reason"] for document in said] == [None, None]
    assert error["error"]["message"] == "quota"


def test_a_call_without_a_name_is_lost_with_the_error_that_ends_the_stream() -> None:
    nameless = calling({"index": 0, "id": "c1", "function": {"arguments": "{"}})
    *said, error = translate(FIRST, nameless, {"error": {"message": "quota"}})
    assert said == [FIRST]
    assert error["error"]["message"] == "quota"


def test_a_head_that_changes_is_counted() -> None:
    translator = chat_stream()
    translator.feed(stream(oip.provided(FIRST)))
    assert translator.repairs == frozenset()
    translator.feed(stream(oip.provided({**MORE, "id": "other"})))
    assert translator.repairs == {Repair.HEAD}


@pytest.mark.parametrize("name", ["content", "refusal", "reasoning_content"])
@pytest.mark.parametrize(
    ("texts", "whole"), [(["a\ud83d", "\ude00b"], "a😀b"), (["a\ud83d", ""], "a\ufffd")]
)
def test_half_a_character_waits_for_the_other_half(name: str, texts: list[str], whole: str) -> None:
    chunks = [json.dumps(said(**{name: text})) for text in texts]
    found = deltas(*chunks)
    assert "".join(delta.get(name) or "" for delta in found) == whole


def test_half_a_character_at_the_end_comes_before_the_finish() -> None:
    last = json.dumps(chunk(part(0, "stop", content="a\ud83d")))
    found = choices(last)
    assert [choice["delta"].get("content") for choice in found] == ["a", "\ufffd", None]
    assert [choice["finish_reason"] for choice in found] == [None, None, "stop"]


def test_arguments_that_never_came_follow_their_call_and_precede_the_finish() -> None:
    calls = choices(chunk(part(0, "tool_calls", role="assistant", tool_calls=[CALL])))
    assert [choice["delta"].get("tool_calls") for choice in calls] == [
        [CALL],
        [{"index": 0, "function": {"arguments": "{}"}}],
        None,
    ]
    assert [choice["finish_reason"] for choice in calls] == [None, None, "tool_calls"]


def test_halves_of_characters_in_arguments_are_joined() -> None:
    pieces = ['{"a":"\ud83d', '\ude00"}']
    chunks = [calling({"index": 0, "function": {"arguments": text}}) for text in pieces]
    found = deltas(BEGUN, *map(json.dumps, chunks))
    calls = [delta["tool_calls"][0] for delta in found if "tool_calls" in delta]
    assert "".join(call["function"]["arguments"] for call in calls) == '{"a":"😀"}'


def test_the_name_of_a_function_call_is_said_once_and_its_arguments_are_text() -> None:
    pieces = [
        {"name": "f"},
        {"name": "f", "arguments": {"a": 1}},
        {"name": None, "arguments": None},
    ]
    found = deltas(*(said(function_call=piece) for piece in pieces))
    assert [delta.get("function_call") for delta in found] == [
        {"name": "f", "arguments": ""},
        {"arguments": '{"a":1}'},
        {"arguments": ""},
        None,
    ]


def test_calls_of_null_are_absent() -> None:
    found = deltas(FIRST, said(content="lo", tool_calls=None, function_call=None), END)
    assert found[1] == {"content": "lo"}


def test_choices_that_all_have_one_index_are_numbered_by_their_place() -> None:
    found = choices(chunk(part(0, content="a"), part(0, content="b")))
    assert [choice["index"] for choice in found[:2]] == [0, 1]


@pytest.mark.parametrize("index", [-1, 1 << 40])
def test_an_impossible_index_is_none(index: int) -> None:
    assert choices(chunk(part(index, content="a")))[0]["index"] == 0


def test_text_that_waits_for_a_name_is_limited_and_not_lost() -> None:
    nameless = calling({"index": 0, "id": "c1"})
    text = said(content="x" * (MOST_HELD // 4))
    *found, error = translate(FIRST, nameless, *[text] * 4)
    assert [document["choices"][0]["delta"] for document in found[1:]] == [
        text["choices"][0]["delta"]
    ] * 4
    assert "could not be understood" in error["error"]["message"]


def test_what_a_chunk_says_beside_a_call_without_a_name_is_not_lost() -> None:
    both = said(role="assistant", content="Hi", tool_calls=[{"index": 0, "id": "c1"}])
    first, error = translate(both, END)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "Hi"}
    assert "error" in error


def test_what_is_said_with_the_failure_of_a_generation_comes_before_the_error() -> None:
    for failed in (
        [oip.provided(chunk(part(0, "error", role="assistant", content="Hel")))],
        [oip.response(oip.text("content", "Hel"), oip.text("finish_reason", "error"))],
    ):
        translator = chat_stream()
        first, error = documents_of(translator.feed(stream(*failed)) + translator.finish())
        assert first["choices"][0]["delta"]["content"] == "Hel"
        assert "failed while it was generating" in error["error"]["message"]
