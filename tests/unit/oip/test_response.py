"""Decoding of model servers' responses."""

import base64
import json
from typing import Any

import pytest
from msgspec import Raw

from tests import oip
from translator.errors import UpstreamError, unreadable
from translator.oip import response
from translator.raw_json import is_present


def read(**document: Any) -> response.InferenceResponse:
    return response.decode(json.dumps(document).encode())


def tensor(data: Any, **more: Any) -> response.OutputTensor:
    document = read(outputs=[{"name": "x", "data": data, **more}])
    found = document.output("x")
    assert found is not None
    return found


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_response_of_mlserver_is_read_whole() -> None:
    document = read(**oip.answer("Hi"))
    assert (document.id, document.model_name) == ("4f5c", "chat_1")
    assert document.strings("content") == ["Hi"]


def test_id_and_model_name_and_outputs_may_be_missing() -> None:
    document = read()
    assert (document.id, document.model_name, document.outputs) == (None, None, [])


def test_an_output_that_is_not_there_is_none() -> None:
    document = read(**oip.answer("Hi"))
    assert document.strings("tool_calls") is None
    assert document.output("tool_calls") is None


def test_an_output_without_elements_is_not_the_same_as_none() -> None:
    assert read(outputs=[{"name": "content", "data": []}]).strings("content") == []


@pytest.mark.parametrize(
    ("data", "elements"),
    [
        (["a", "b"], ["a", "b"]),
        ([["a"], ["b"]], ["a", "b"]),
        ([[["a", "b"]], []], ["a", "b"]),
        (["a", None], ["a", ""]),
        ("a", ["a"]),
        (None, [""]),
        ([], []),
        (["é✓\n"], ["é✓\n"]),
    ],
)
def test_text_is_flattened(data: Any, elements: list[str]) -> None:
    assert tensor(data).strings() == elements


@pytest.mark.parametrize("data", [[1], [["a"], [2.5]], {"a": "b"}, [True], 7])
def test_non_strings_are_an_upstream_error(data: Any) -> None:
    with pytest.raises(UpstreamError, match="could not be understood") as caught:
        tensor(data).strings()
    assert caught.value.status == 502


def test_text_nested_too_deeply_is_upstreams_fault() -> None:
    found = response.OutputTensor("x", Raw(b"[" * 3000 + b"]" * 3000))
    with pytest.raises(UpstreamError, match="could not be understood"):
        found.strings()


@pytest.mark.parametrize("content_type", ["base64", "np", "raw"])
def test_base64_is_decoded_where_the_content_type_is_not_str(content_type: str) -> None:
    found = tensor([base64_of("Grüße")], parameters={"content_type": content_type})
    assert found.strings() == ["Grüße"]


@pytest.mark.parametrize(
    "parameters",
    [None, {}, {"content_type": "str"}, {"content_type": None}, {"content_type": "datetime"}],
)
def test_text_is_left_as_it_is_otherwise(parameters: Any) -> None:
    assert tensor([base64_of("Grüße")], parameters=parameters).strings() == [base64_of("Grüße")]


@pytest.mark.parametrize(
    "elements", [["not base64!"], ["a-G-k="], ["/////w=="], [base64_of("a"), "plain text"]]
)
def test_invalid_base64_is_plain_text(elements: list[str]) -> None:
    assert tensor(elements, parameters={"content_type": "own"}).strings() == elements


def test_rows_of_numbers_are_lists_digit_for_digit() -> None:
    found = response.decode(b'{"outputs":[{"name":"x","shape":[2,2],"data":[1, -2.50,3e-07,4E5]}]}')
    assert [*found.outputs[0].rows()] == [b"[1,-2.50]", b"[3e-07,4E5]"]


@pytest.mark.parametrize("data", [["1", "2"], [1], [], 7])
def test_invalid_rows_are_an_upstream_error(data: Any) -> None:
    with pytest.raises(UpstreamError, match="could not be understood") as caught:
        list(tensor(data, shape=[1, 2]).rows())
    assert caught.value.repeats


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("bad tensor", "bad tensor"),
        ({"message": "x"}, "x"),
        ({"code": 7}, "The model server failed while it was responding."),
    ],
)
def test_a_response_with_an_error_is_that_error(error: Any, message: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        read(error=error)
    assert caught.value.message == message
    assert not caught.value.repeats


@pytest.mark.parametrize("error", [None, "", False])
def test_a_response_with_an_error_that_says_nothing_has_none(error: Any) -> None:
    assert read(error=error).outputs == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"Internal Server Error",
        b'{"outputs":{}}',
        b'{"outputs":[7]}',
        b'{"id":"\xff"}',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_an_invalid_response_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError, match="could not be understood") as caught:
        response.decode(body)
    assert (caught.value.status, caught.value.type) == (502, "server_error")


def test_text_that_is_not_utf_8_is_upstreams_fault() -> None:
    document = response.decode(b'{"outputs":[{"name":"c","data":["\xff"]}]}')
    with pytest.raises(UpstreamError):
        document.strings("c")


# --- Tensors that need not be text ----------------------------------------------------------------


def test_what_is_text_is_read_as_text() -> None:
    assert tensor([["Grüße"], [None]]).characters() == ["Grüße", ""]


@pytest.mark.parametrize(
    ("data", "characters"),
    [
        (b'["\xff\xd8\\u0000"]', ["ÿØ\0"]),
        (b'[["\x89PNG"], ["a"]]', ["\x89PNG", "a"]),
        (b'["\x80", null]', ["\x80", ""]),
        (b'["\xc3\xa9\xff"]', ["Ã©ÿ"]),
    ],
)
def test_bytes_that_are_no_text_are_a_character_each(data: bytes, characters: list[str]) -> None:
    found = response.decode(b'{"outputs":[{"name":"x","data":%b}]}' % data)
    assert found.outputs[0].characters() == characters


@pytest.mark.parametrize("data", [[1], [["a"], [2.5]], {"a": "b"}, 7])
def test_elements_that_are_not_strings_are_an_upstream_error(data: Any) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        tensor(data).characters()


def test_outputs_are_found_by_name_and_the_first_of_a_name_counts() -> None:
    document = read(outputs=[oip.text("a", "1"), oip.text("b", "2"), oip.text("a", "3")])
    assert document.names == {"a", "b"}
    assert document.strings("a") == ["1"]
    assert document.by_name["b"].strings() == ["2"]


def test_an_invalid_response_is_not_to_be_retried() -> None:
    error = unreadable()
    assert (error.status, error.code, error.repeats) == (502, "upstream_error", True)


@pytest.mark.parametrize(
    ("text", "present"),
    [
        (b"", False),
        (b"null", False),
        (b'""', False),
        (b"false", False),
        (b"0", True),
        (b"{}", True),
    ],
)
def test_an_empty_error_is_ignored(text: bytes, *, present: bool) -> None:
    assert is_present(Raw(text)) is present


@pytest.mark.parametrize(
    "odd",
    [
        {"id": 7},
        {"model_name": ["m"]},
        {"parameters": []},
        {"outputs": [{"name": "logits", "datatype": "FP32", "shape": [1]}]},
        {"outputs": [{"name": "x", "data": [], "shape": ["1"]}]},
        {"outputs": [{"name": "x", "data": [], "shape": [1.0]}]},
        {"outputs": [{"name": "x", "data": [], "shape": None}]},
        {"outputs": [{"name": "x", "data": [], "datatype": None}]},
        {"outputs": [{"name": "x", "data": [], "parameters": [1]}]},
        {"outputs": [{"data": []}, {"name": 7}]},
    ],
)
def test_a_field_of_a_wrong_type_does_not_hide_others(odd: dict[str, Any]) -> None:
    document = {**oip.answer("Hi"), **odd}
    document["outputs"] = [*odd.get("outputs", ()), *oip.answer("Hi")["outputs"]]
    found = response.decode(json.dumps(document).encode())
    assert found.strings("content") == ["Hi"]
    assert found.id in (None, "4f5c")


def test_an_error_is_read_despite_fields_of_wrong_types() -> None:
    with pytest.raises(UpstreamError, match="out of memory"):
        response.decode(b'{"error":"out of memory","outputs":null,"id":5}')


@pytest.mark.parametrize("text", ["caf\u00e9", "\u00e9" * 4, "a b"])
def test_text_that_is_no_base64_is_text_whatever_its_content_type(text: str) -> None:
    tensor = {"name": "x", "data": [text], "parameters": {"content_type": "np"}}
    found = response.decode(json.dumps({"outputs": [tensor]}).encode())
    assert found.strings("x") == [text]
