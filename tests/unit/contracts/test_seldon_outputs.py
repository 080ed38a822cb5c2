"""The output tensors of a response, by choice."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests import oip
from translator.contracts.seldon import outputs as seldon_outputs
from translator.errors import UpstreamError
from translator.oip.response import InferenceResponse, decode
from translator.tasks.generation import ChoiceOutput

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOKEN = {"token": "Hi", "logprob": -0.10, "bytes": None, "top_logprobs": []}


def response(*outputs: dict[str, Any], **extra: Any) -> InferenceResponse:
    return decode(json.dumps(oip.response(*outputs, **extra)).encode())


def read(*outputs: dict[str, Any]) -> Sequence[ChoiceOutput]:
    return seldon_outputs.read(response(*outputs)).choices


def hello(*outputs: dict[str, Any]) -> ChoiceOutput:
    [answer] = read(oip.text("role", "assistant"), oip.text("content", "Hi"), *outputs)
    assert answer.content == "Hi"
    return answer


def contents(*outputs: dict[str, Any]) -> list[str | None]:
    return [answer.content for answer in read(*outputs)]


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([oip.text("role", "assistant"), oip.text("content", "a")], ["a"]),
        ([oip.text("role", "assistant"), oip.text("content", "a", "b")], ["ab"]),
        ([oip.text("role", "assistant")], [None]),
        ([oip.text("role", "assistant", "assistant"), oip.text("content", "a")], ["a", ""]),
        ([oip.text("content", "a", "b")], ["a", "b"]),
        ([oip.text("tool_calls", "", "")], [None]),
        ([oip.text("role"), oip.text("content")], []),
        ([oip.text("role")], []),
        ([oip.text("type", "text")], []),
        ([], []),
    ],
)
def test_roles_or_else_contents_determine_the_number_of_choices(
    outputs: list[dict[str, Any]], expected: list[str | None]
) -> None:
    assert contents(*outputs) == expected


def test_more_contents_than_roles_are_an_upstream_error() -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        contents(oip.text("role", "x", "y"), oip.text("content", "a", "b", "c"))


def test_logprobs_with_far_too_many_values_are_ignored() -> None:
    assert hello(oip.text("logprobs", json.dumps([TOKEN] * 5000))).logprobs is not None
    dense = json.dumps([{}] * 200_000, separators=(",", ":"))
    deep = "[" * 100_000 + "0," * 60_000
    for text in (dense, deep):
        assert hello(oip.text("logprobs", text)).logprobs is None


def test_as_many_choices_as_openai_allows_are_accepted() -> None:
    assert len(contents(oip.text("content", *["a"] * 128))) == 128


@pytest.mark.parametrize(
    "output",
    [
        oip.text("role", *[""] * 129),
        oip.text("content", *[""] * 129),
        oip.text("tool_calls", *["{}"] * 1001),
        oip.text("tool_calls", json.dumps([CALL] * 1001)),
        oip.text("tool_calls", json.dumps(["{}"] * 100_000)),
        oip.text("x", *[""] * 100_000) | {"name": "role"},
    ],
    ids=["roles", "contents", "call elements", "calls", "many calls", "many roles"],
)
def test_a_response_with_far_too_many_elements_is_an_upstream_error(output: Any) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        contents(output)


@pytest.mark.parametrize(
    "content",
    [
        {"data": ["a", "b"], "shape": [2]},
        {"data": ["a", "b"], "shape": [2, 1]},
        {"data": [["a"], ["b"]], "shape": [2, 1]},
        {"data": [[["a"]], [["b"]]]},
        {"data": ["a", "b"], "shape": []},
        {"data": ["YQ==", "Yg=="], "parameters": {"content_type": "base64"}},
        {"data": ["a", "b"], "parameters": {"content_type": "str"}},
        {"data": ["a", "b"], "parameters": {"content_type": None}},
        {"data": ["a", "b"], "parameters": None},
    ],
)
def test_the_elements_are_read_from_any_layout(content: dict[str, Any]) -> None:
    assert contents({"name": "content", "datatype": "BYTES", **content}) == ["a", "b"]


def test_the_calls_of_one_choice_are_in_any_number_of_elements() -> None:
    [answer] = read(
        oip.text("role", "assistant"),
        oip.text("tool_calls", '{"name":"f"}', "", '[{"name":"g"},{"name":"h"}]'),
    )
    assert [call.name for call in answer.calls] == ["f", "g", "h"]


def test_each_choice_has_the_calls_of_its_element() -> None:
    first, second, third = read(
        oip.text("role", "assistant", "assistant", "assistant"),
        oip.text("tool_calls", '{"name":"f"}', '[{"name":"g"},{"name":"h"}]'),
    )
    assert [call.name for call in first.calls] == ["f"]
    assert [call.name for call in second.calls] == ["g", "h"]
    assert third.calls == []


def test_missing_tensors_are_left_empty() -> None:
    assert hello() == ChoiceOutput("Hi", [])


@pytest.mark.parametrize(("elements", "expected"), [(["no"], "no"), ([""], None), ([], None)])
def test_a_refusal_is_read(elements: list[str], expected: str | None) -> None:
    assert hello(oip.text("refusal", *elements)).refusal == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"name":"f","arguments":"{}"}', ("f", "{}")),
        ('{"name":"f","arguments":{"a":1}}', ("f", '{"a":1}')),
        ('{"arguments":"{}"}', (None, "{}")),
        ("", None),
        ("null", None),
    ],
)
def test_a_function_call_is_read(text: str, expected: Any) -> None:
    call = hello(oip.text("function_call", text)).function_call
    assert (call and (call.name, call.arguments)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"content":[{"token":"a","logprob":-0.10}]}',
            b'{"content":[{"token":"a","logprob":-0.10}],"refusal":null}',
        ),
        (' [{"logprob":-1e-7}]', b'{"content":[{"logprob":-1e-7}],"refusal":null}'),
        ("[]", b'{"content":[],"refusal":null}'),
        (
            '{"content":null,"refusal":[{"token":"a"}]}',
            b'{"content":null,"refusal":[{"token":"a"}]}',
        ),
        ("", None),
        ("null", None),
        ("text", None),
        ("7", None),
        ("{}", None),
        ('{"content":7}', None),
        ('{"tokens":["a"]}', None),
        ("[1", None),
        ("[" * 200_000 + "]" * 200_000, None),
        (f'{{"content":[{"[" * 200_000}{"]" * 200_000}]}}', None),
    ],
)
def test_logprobs_are_openais_object_or_its_tokens_or_nothing(
    text: str, expected: bytes | None
) -> None:
    raw = hello(oip.text("logprobs", text)).logprobs
    assert (None if raw is None else bytes(raw)) == expected


@pytest.mark.parametrize("name", ["logprobs", "refusal", "function_call", "finish_reason"])
def test_numeric_tensors_with_known_names_are_ignored(name: str) -> None:
    assert hello(oip.numbers(name, -0.5, datatype="FP32")) == ChoiceOutput("Hi", [])


def test_rare_tensors_have_one_element_per_choice() -> None:
    first, second = read(
        oip.text("role", "assistant", "assistant"),
        oip.text("refusal", "", "no"),
        oip.text("function_call", '{"name":"f"}'),
        oip.text("logprobs", "", json.dumps([TOKEN]), "[]"),
        oip.text("finish_reason", "length", ""),
    )
    assert first.function_call is not None
    assert second.function_call is None
    assert (first.refusal, second.refusal) == (None, "no")
    assert (first.logprobs is None, second.logprobs is None) == (True, False)
    assert (first.finish_reason, second.finish_reason) == ("length", "")


def test_unknown_outputs_are_ignored() -> None:
    unknown = oip.numbers("get_temperature", 1.5, datatype="FP32"), oip.text("x", "y")
    assert hello(*unknown) == ChoiceOutput("Hi", [])


@pytest.mark.parametrize(
    "output",
    [
        {"name": "content", "data": [1]},
        {"name": "role", "data": [{}]},
        {"name": "tool_calls", "data": ["x"]},
        {"name": "function_call", "datatype": "BYTES", "data": ["x"]},
        {"name": "refusal", "datatype": "BYTES", "data": [1]},
    ],
)
def test_a_tensor_of_a_wrong_type_is_an_upstream_error(output: Any) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        read(output, oip.text("content", "Hi"))
