"""Whole answers to a chat completion."""

import json
from typing import Any

import pytest

from tests import oip
from tests.invariants import check_chat_completion
from tests.unit.translating import NOW, chat, complete
from translator.errors import UpstreamError
from translator.operations.chat.state import finish_reason
from translator.tasks.repair import Repair

COUNTS = {"prompt_tokens": 7, "completion_tokens": 5}
NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
CHOICES = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}]}


def translate(document: Any) -> Any:
    return json.loads(complete(chat(), document))


def messages(*outputs: dict[str, Any]) -> list[Any]:
    answer = translate(oip.response(*outputs))
    return [choice["message"] for choice in answer["choices"]]


def calls_of(*elements: str) -> Any:
    [message] = messages(oip.text("role", "assistant"), oip.text("tool_calls", *elements))
    return message["tool_calls"]


def test_the_local_runtimes_answer_is_completed_to_openais_object() -> None:
    assert translate(oip.answer("Hi there")) == {
        "object": "chat.completion",
        "id": "chatcmpl-4f5c",
        "created": NOW,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi there", "refusal": None},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": NO_USAGE,
    }


def test_every_choice_is_answered() -> None:
    answer = translate(oip.answer("a", "b", "c"))
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert [choice["message"]["content"] for choice in answer["choices"]] == ["a", "b", "c"]


def test_one_role_with_several_contents_is_one_message() -> None:
    outputs = oip.text("role", "assistant"), oip.text("content", "a", "b")
    assert [message["content"] for message in messages(*outputs)] == ["ab"]


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([oip.text("content", "a", "b")], [("assistant", "a"), ("assistant", "b")]),
        (
            [oip.text("role", "", "x"), oip.text("content", "a")],
            [("assistant", "a"), ("assistant", "")],
        ),
    ],
)
def test_what_a_runtime_leaves_out_is_filled_in(
    outputs: list[dict[str, Any]], expected: list[tuple[str, str]]
) -> None:
    found = messages(*outputs)
    assert [(message["role"], message["content"]) for message in found] == expected


def test_outputs_nobody_knows_are_ignored() -> None:
    unknown = {"name": "get_temperature", "shape": [1], "datatype": "FP32", "data": [1.5]}
    assert translate(oip.response(unknown, *oip.answer("x")["outputs"]))["choices"]


@pytest.mark.parametrize(
    ("document", "identity"),
    [
        ({"id": "x"}, "chatcmpl-x"),
        ({"id": "chatcmpl-x"}, "chatcmpl-x"),
    ],
)
def test_the_id_is_the_responses_own(document: dict[str, Any], identity: str) -> None:
    assert translate({**oip.answer("x"), **document})["id"] == identity


@pytest.mark.parametrize("absent", [None, ""])
def test_a_response_without_id_gets_one(absent: str | None) -> None:
    document = {**oip.answer("x"), "id": absent}
    first, second = (translate(document)["id"] for _ in range(2))
    assert first.startswith("chatcmpl-")
    assert len(first) > len("chatcmpl-")
    assert first != second


@pytest.mark.parametrize("answered", ["m_1", None])
def test_the_model_is_called_what_the_client_called_it(answered: str | None) -> None:
    assert translate({**oip.answer("x"), "model_name": answered})["model"] == "m"


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


@pytest.mark.parametrize(
    "elements",
    [
        [json.dumps(CALL)],
        [json.dumps([CALL])],
        [json.dumps([json.dumps(CALL)])],
        [json.dumps(json.dumps(CALL))],
        ["", json.dumps(CALL), "null"],
    ],
)
def test_tool_calls_are_understood_in_every_encoding(elements: list[str]) -> None:
    assert calls_of(*elements) == [CALL]


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ({"name": "f", "arguments": {"a": 1}}, '{"a":1}'),
        ({"function": {"name": "f"}}, "{}"),
        ({"name": "f", "arguments": None}, "{}"),
        ({"name": "f", "arguments": "not json"}, "not json"),
    ],
)
def test_a_call_without_id_or_with_an_object_for_arguments_is_completed(
    call: dict[str, Any], arguments: str
) -> None:
    [found] = calls_of(json.dumps(call))
    assert found.pop("id").startswith("call_")
    assert found == {"type": "function", "function": {"name": "f", "arguments": arguments}}


def test_calls_without_ids_get_ids_of_their_own() -> None:
    bare = json.dumps([{"name": "f"}, {"name": "f", "id": ""}])
    first, second = calls_of(bare)
    assert first["id"] != second["id"]
    assert second["id"]


def test_a_message_that_only_calls_has_no_content_and_says_why_it_ended() -> None:
    outputs = oip.text("role", "assistant"), oip.text("tool_calls", json.dumps(CALL))
    [choice] = translate(oip.response(*outputs))["choices"]
    assert choice["message"]["content"] is None
    assert choice["finish_reason"] == "tool_calls"


def test_a_message_may_speak_and_call() -> None:
    outputs = (
        oip.text("role", "assistant"),
        oip.text("content", "Let me see."),
        oip.text("tool_calls", json.dumps(CALL)),
    )
    [message] = messages(*outputs)
    assert (message["content"], message["tool_calls"]) == ("Let me see.", [CALL])


def test_calls_alone_are_an_answer() -> None:
    [message] = messages(oip.text("tool_calls", json.dumps(CALL)))
    assert (message["role"], message["content"]) == ("assistant", None)
    assert message["tool_calls"] == [CALL]


def test_each_of_several_choices_has_its_own_calls() -> None:
    found = messages(
        oip.text("role", "assistant", "assistant"),
        oip.text("content", "a", ""),
        oip.text("tool_calls", "", json.dumps([CALL])),
    )
    assert [message.get("tool_calls") for message in found] == [None, [CALL]]
    assert [message["content"] for message in found] == ["a", None]


@pytest.mark.parametrize("text", ["not json", "7", "[1]", "[{}]", '{"function":{}}', '["x"]'])
def test_tool_calls_of_no_known_encoding_are_upstreams_fault(text: str) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        calls_of(text)


@pytest.mark.parametrize(
    ("given", "reasons"),
    [
        (["length", "stop"], ["length", "stop"]),
        (["length"], ["length", "stop"]),
        (["", "content_filter"], ["stop", "content_filter"]),
    ],
)
def test_the_runtimes_finish_reason_is_kept(given: list[str], reasons: list[str]) -> None:
    document = oip.answer("a", "b")
    document["outputs"].append(oip.text("finish_reason", *given))
    choices = translate(document)["choices"]
    assert [choice["finish_reason"] for choice in choices] == reasons


@pytest.mark.parametrize(
    ("prompt", "completion"),
    [
        ("prompt_tokens", "completion_tokens"),
        ("num_input_tokens", "num_output_tokens"),
        ("input_tokens", "output_tokens"),
    ],
)
def test_usage_is_read_from_tensors_and_parameters(prompt: str, completion: str) -> None:
    document = oip.answer("x")
    document["outputs"].append({"name": prompt, "shape": [1], "datatype": "INT64", "data": [[7]]})
    document["parameters"] = {completion: 5}
    assert translate(document)["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "total_tokens": 12,
    }


@pytest.mark.parametrize(
    ("parameters", "prompt"),
    [({"prompt_tokens": 7}, 7), ({"completion_tokens": None}, 0), ({}, 0), (None, 0)],
)
def test_usage_that_is_not_known_is_zeros(parameters: Any, prompt: int) -> None:
    usage = translate({**oip.answer("x"), "parameters": parameters})["usage"]
    assert usage == {"prompt_tokens": prompt, "completion_tokens": 0, "total_tokens": prompt}


def test_a_providers_whole_answer_passes_untouched_but_compact() -> None:
    own = """{
  "id": "chatcmpl-9", "object": "chat.completion", "created": 1, "model": "gpt",
  "choices": [{"index": 0, "x": -1.10e-7, "finish_reason": "stop",
               "message": {"role": "assistant", "content": "a"}}],
  "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
  "big": 9007199254740993
}
"""
    body = json.dumps(oip.response(oip.text("content", "other"), oip.text("output_all", own)))
    compact = "".join(own.split()).encode()
    assert chat().complete([body.encode()]).body == compact


def test_an_empty_output_all_leaves_the_answer_to_the_tensors() -> None:
    for nothing in (["", "", ""], ["  "], []):
        document = oip.response(*oip.answer("Hi")["outputs"], oip.text("output_all", *nothing))
        assert translate(document)["choices"][0]["message"]["content"] == "Hi"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("invalid_request_error", 400),
        ("tokens", 429),
        ("server_error", 502),
        (None, 502),
    ],
)
def test_a_providers_error_has_its_own_fields_and_their_status(
    kind: str | None, status: int
) -> None:
    error = {"message": "x", "type": kind, "code": "c", "param": "p"}
    with pytest.raises(UpstreamError) as caught:
        translate(oip.provided({"error": error}))
    told = caught.value
    assert (told.status, told.type) == (status, kind or "server_error")
    assert (told.message, told.code, told.param) == ("x", "c", "p")


def test_as_many_contents_as_choices_were_asked_for_are_choices() -> None:
    document = oip.response(oip.text("role", "assistant"), oip.text("content", "a", "b"))
    answer = json.loads(complete(chat(n=2), document))
    assert [choice["message"]["content"] for choice in answer["choices"]] == ["a", "b"]


@pytest.mark.parametrize("own", ["[]", "null", "text", "{", '{"a":1} x', "{}", '{"choices":[]}'])
def test_a_providers_answer_that_is_no_object_is_upstreams_fault(own: str) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        translate(oip.response(oip.text("output_all", own)))


@pytest.mark.parametrize(
    "document",
    [
        {},
        oip.response(),
        oip.response(oip.text("role")),
        oip.response(oip.text("output_all")),
        oip.response(oip.text("embedding", "x")),
        oip.response({"name": "content", "data": [1]}),
    ],
)
def test_a_response_without_an_answer_is_upstreams_fault(document: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError) as caught:
        translate(document)
    assert caught.value.status == 502


def test_a_call_without_arguments_has_those_of_an_empty_object() -> None:
    (call,) = calls_of('{"id":"c","function":{"name":"f","arguments":""}}')
    assert call["function"] == {"name": "f", "arguments": "{}"}


def test_calls_of_several_elements_and_encodings_are_one_messages_calls() -> None:
    other, third = ({**CALL, "id": identity} for identity in ("c2", "c3"))
    found = calls_of(json.dumps(CALL), json.dumps([other]), json.dumps([json.dumps(third)]))
    assert found == [CALL, other, third]


def test_calls_that_all_have_the_index_0_are_told_apart_by_their_ids() -> None:
    calls = [{"index": 0, **CALL, "id": identity} for identity in ("c1", "c2")]
    assert calls_of(json.dumps(calls)) == [CALL, {**CALL, "id": "c2"}]


def test_a_call_in_pieces_is_put_together() -> None:
    more = {"index": 0, "function": {"arguments": "2"}}
    [call] = calls_of(json.dumps({"index": 0, **CALL}), json.dumps(more))
    assert call["function"]["arguments"] == '{"a":1}2'


def test_a_call_without_a_name_is_upstreams_fault() -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        calls_of('{"id":"c1","function":{"arguments":"{}"}}')


def test_a_refusal_stands_in_for_the_content() -> None:
    outputs = oip.text("role", "assistant"), oip.text("refusal", "no")
    assert messages(*outputs) == [{"role": "assistant", "content": None, "refusal": "no"}]
    [message] = messages(*outputs, oip.text("content", "Well,"))
    assert (message["content"], message["refusal"]) == ("Well,", "no")


def test_a_function_call_is_answered_as_one() -> None:
    call = {"name": "f", "arguments": '{"a":1}'}
    outputs = oip.text("role", "assistant"), oip.text("function_call", json.dumps(call))
    [choice] = translate(oip.response(*outputs))["choices"]
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "function_call": call,
    }
    assert choice["finish_reason"] == "function_call"


def test_logprobs_of_each_choice_are_kept_to_the_digit() -> None:
    tokens = ('[{"token":"a","logprob":-0.10}]', '{"content":null}')
    document = oip.answer("a", "b")
    document["outputs"].append(oip.text("logprobs", *tokens))
    answer = complete(chat(), document)
    token = b'{"token":"a","logprob":-0.10,"bytes":null,"top_logprobs":[]}'
    assert b'"logprobs":{"content":[' + token + b'],"refusal":null}' in answer
    assert json.loads(answer)["choices"][1]["logprobs"] == {"content": None, "refusal": None}


@pytest.mark.parametrize(
    ("word", "reason"),
    [("eos_token", "stop"), ("MAX_TOKENS", "length"), ("tool_use", "tool_calls")],
)
def test_the_finish_reasons_of_others_become_openais(word: str, reason: str) -> None:
    document = oip.answer("x")
    document["outputs"].append(oip.text("finish_reason", word))
    assert translate(document)["choices"][0]["finish_reason"] == reason


def test_the_completions_of_all_choices_are_counted() -> None:
    document = oip.answer("a", "b")
    document["outputs"] += [
        oip.numbers("prompt_tokens", [7], [7]),
        oip.numbers("completion_tokens", [5], [6]),
    ]
    assert translate(document)["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 11,
        "total_tokens": 18,
    }


def test_usage_may_be_an_object_in_a_tensor() -> None:
    document = oip.answer("x")
    document["outputs"].append(oip.text("usage", '{"input_tokens":7,"output_tokens":5}'))
    assert translate(document)["usage"]["total_tokens"] == 12


@pytest.mark.parametrize(
    "document",
    [
        oip.answer("x"),
        oip.answer("", "x"),
        oip.response(oip.text("tool_calls", json.dumps(CALL))),
        oip.response(oip.text("role", "user"), oip.text("refusal", "no")),
        oip.response(oip.text("content", "x"), parameters={"input_tokens": 0, "output_tokens": 0}),
    ],
)
def test_every_answer_has_what_clients_need(document: dict[str, Any]) -> None:
    check_chat_completion(translate(document))


def test_a_providers_error_is_not_an_answer() -> None:
    with pytest.raises(UpstreamError, match="quota"):
        translate(oip.response(oip.text("output_all", '{"error": {"message": "quota"}}')))


@pytest.mark.parametrize("text", ["[null]", '[""]', "[]"])
def test_a_list_of_nothing_is_no_tool_call(text: str) -> None:
    (message,) = messages(oip.text("content", "Hi"), oip.text("tool_calls", text))
    assert "tool_calls" not in message


def test_a_count_beyond_all_reason_is_no_count() -> None:
    counts = {"prompt_tokens": 1, "completion_tokens": "9" * 5000}
    answer = translate(oip.response(oip.text("content", "Hi"), parameters=counts))
    assert answer["usage"] == {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}


def test_arguments_in_an_object_keep_their_digits() -> None:
    arguments = '{"a":1.10,"b":9007199254740993,"c":1e400}'
    [call] = calls_of(f'{{"name":"f","arguments":{arguments}}}')
    assert call["function"]["arguments"] == arguments


def test_calls_of_the_same_index_but_without_ids_are_told_apart_by_their_names() -> None:
    calls = [{"index": 0, "function": {"name": name, "arguments": "{}"}} for name in ("f", "g")]
    assert [call["function"]["name"] for call in calls_of(json.dumps(calls))] == ["f", "g"]


def test_a_function_call_without_arguments_has_those_of_an_empty_object() -> None:
    [message] = messages(oip.text("role", "assistant"), oip.text("function_call", '{"name":"f"}'))
    assert message["function_call"] == {"name": "f", "arguments": "{}"}


def test_a_function_call_without_a_name_has_an_empty_one() -> None:
    [message] = messages(
        oip.text("role", "assistant"), oip.text("function_call", '{"arguments":"x"}')
    )
    assert message["function_call"] == {"name": "", "arguments": "x"}


@pytest.mark.parametrize(
    ("document", "tokens", "model"),
    [
        (oip.answer("Hi") | {"parameters": COUNTS}, (7, 5), "chat_1"),
        (oip.answer("Hi") | {"parameters": {"prompt_tokens": 7}}, (7, None), "chat_1"),
        (oip.answer("Hi"), (None, None), "chat_1"),
        (oip.provided({**CHOICES, "model": "gpt", "usage": COUNTS}), (7, 5), "gpt"),
        (oip.provided({**CHOICES, "usage": None}), (None, None), "chat_1"),
        (oip.provided({**CHOICES, "model": 7, "usage": [7]}), (None, None), "chat_1"),
    ],
)
def test_an_answer_tells_its_tokens_and_who_gave_it(
    document: dict[str, Any], tokens: tuple[int | None, int | None], model: str
) -> None:
    answer = chat().complete([json.dumps(document).encode()])
    assert (answer.tokens, answer.model) == (tokens, model)


@pytest.mark.parametrize(
    ("given", "called", "legacy", "expected"),
    [
        ("", False, False, "stop"),
        ("", True, False, "tool_calls"),
        ("", False, True, "function_call"),
        ("", True, True, "tool_calls"),
        ("length", True, True, "length"),
    ],
)
def test_what_a_choice_called_says_why_it_ended_unless_the_runtime_does(
    given: str, expected: str, *, called: bool, legacy: bool
) -> None:
    assert finish_reason(given, called=called, legacy=legacy) == expected


def test_a_whole_generation_that_failed_without_a_word_is_upstreams_fault() -> None:
    silent = {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "error"}
    document = oip.answer("")
    document["outputs"].append(oip.text("finish_reason", "error"))
    for failed in (document, oip.provided({"choices": [silent]})):
        with pytest.raises(UpstreamError, match="failed while it was generating") as caught:
            translate(failed)
        assert caught.value.status == 502


def test_what_is_repaired_is_told_by_kind() -> None:
    message = {"role": "model", "content": "Hi", "tool_calls": [{"function": {"name": "f"}}]}
    own = {"choices": [{"message": message, "finish_reason": "STOP"}]}
    response = chat().complete([json.dumps(oip.provided(own)).encode()])
    assert response.repairs == {
        Repair.HEAD,
        Repair.MESSAGE,
        Repair.TOOL_CALL,
        Repair.FINISH_REASON,
        Repair.USAGE,
    }


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("stop", "tool_calls"), ("length", "length"), ("content_filter", "content_filter")],
)
def test_a_message_that_calls_did_not_just_stop(reason: str, expected: str) -> None:
    outputs = oip.text("tool_calls", json.dumps(CALL)), oip.text("finish_reason", reason)
    [choice] = translate(oip.response(*outputs))["choices"]
    assert choice["finish_reason"] == expected
