"""Reading a request body, and what is said of a wrong one."""

from typing import Any

import pytest
from msgspec import Raw

from translator.errors import ClientError
from translator.openai import request
from translator.openai.chat import Message

UNPARSABLE = "We could not parse the JSON body of your request."


def fields(**texts: str) -> request.Fields:
    return {name: Raw(text.encode()) for name, text in texts.items()}


def test_fields_keep_their_text_and_their_order() -> None:
    body = b'{ "z": 1e-7, "a": {"b":  9007199254740993}, "m": "\\u00e9\xc3\xa9" }'
    decoded = request.decode_body(body)
    assert {name: bytes(raw) for name, raw in decoded.items()} == {
        "z": b"1e-7",
        "a": b'{"b":  9007199254740993}',
        "m": b'"\\u00e9\xc3\xa9"',
    }
    assert list(decoded) == ["z", "a", "m"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"a": }',
        b'{"a": 1} x',
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": 01}',
        b'{"a": 1.2.3}',
        b'{"a": "\xff"}',
        b'{"\xff": 1}',
        "{}".encode("utf-16"),
        b'{"a": "\n"}',
    ],
)
def test_what_is_not_json_is_not_parsable(body: bytes) -> None:
    with pytest.raises(ClientError, match="could not parse the JSON body") as caught:
        request.decode_body(body)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, None, None)


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null", b"true"])
def test_a_body_that_is_no_object_is_of_the_wrong_type(body: bytes) -> None:
    with pytest.raises(ClientError, match="expected an object") as caught:
        request.decode_body(body)
    assert caught.value.status == 400


def test_a_body_nested_too_deeply_is_refused() -> None:
    body = b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    with pytest.raises(ClientError, match="nested too deeply") as caught:
        request.decode_body(body)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("text", "kind", "message", "param", "code"),
    [
        (
            "5",
            str,
            "Invalid type for 'x': expected a string, but got an integer instead.",
            "x",
            "invalid_type",
        ),
        (
            "[1, 2]",
            str | list[str],
            "Invalid type for 'x[0]': expected a string, but got an integer instead.",
            "x[0]",
            "invalid_type",
        ),
        (
            "1.5",
            str | list[str] | None,
            (
                "Invalid type for 'x': expected one of a string or an array, "
                "but got a decimal instead."
            ),
            "x",
            "invalid_type",
        ),
        (
            "true",
            dict[str, Raw] | None,
            "Invalid type for 'x': expected an object, but got a boolean instead.",
            "x",
            "invalid_type",
        ),
        (
            '[{"role":"user"},{"content":"a"}]',
            list[Message],
            "Missing required parameter: 'x[1].role'.",
            "x[1].role",
            "missing_required_parameter",
        ),
        (
            '[{"role":"user","content":{}}]',
            list[Message],
            (
                "Invalid type for 'x[0].content': expected one of a string or an array, "
                "but got an object instead."
            ),
            "x[0].content",
            "invalid_type",
        ),
        (
            '[{"role":"user","content":["a",7]}]',
            list[Message],
            (
                "Invalid type for 'x[0].content[1]': expected one of a string or an object, "
                "but got an integer instead."
            ),
            "x[0].content[1]",
            "invalid_type",
        ),
        (
            '[{"role":"user","tool_calls":"no"}]',
            list[Message],
            "Invalid type for 'x[0].tool_calls': expected an array, but got a string instead.",
            "x[0].tool_calls",
            "invalid_type",
        ),
    ],
)
def test_a_wrong_field_is_named_to_the_very_element(
    text: str, kind: Any, message: str, param: str, code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        request.decode_field(Raw(text.encode()), kind, "x")
    error = caught.value
    assert (error.message, error.param, error.code) == (message, param, code)
    assert error.status == 400


def test_a_field_of_the_wanted_type_is_decoded() -> None:
    assert request.decode_field(Raw(b'["a","b"]'), str | list[str], "x") == ["a", "b"]


def test_a_fault_without_words_of_its_own_still_names_the_field() -> None:
    with pytest.raises(ClientError) as caught:
        request.decode_field(Raw(b"1e400"), float, "x")
    error = caught.value
    assert (error.message, error.param, error.code) == (
        "Invalid value for 'x'.",
        "x",
        "invalid_value",
    )


@pytest.mark.parametrize("text", [b'"x', b'"x" 2'])
def test_a_field_that_is_no_json_is_named(text: bytes) -> None:
    with pytest.raises(ClientError, match=UNPARSABLE) as caught:
        request.decode_field(Raw(text), str, "x")
    assert caught.value.param == "x"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, True),
        (Raw(b"null"), True),
        (Raw(b"0"), False),
        (Raw(b"true"), False),
        (Raw(b'"null"'), False),
        (Raw(b"{}"), False),
    ],
)
def test_absent_and_null_are_the_same(raw: Raw | None, *, expected: bool) -> None:
    assert request.is_null(raw) is expected


def test_take_removes_the_field() -> None:
    body = fields(a="1", b="2")
    assert bytes(request.take(body, "a")) == b"1"
    assert list(body) == ["b"]


@pytest.mark.parametrize("body", [fields(b="1"), fields(a="null")])
def test_take_misses_what_is_absent_or_null(body: request.Fields) -> None:
    with pytest.raises(ClientError) as caught:
        request.take(body, "a")
    error = caught.value
    assert (error.status, error.message) == (400, "Missing required parameter: 'a'.")
    assert (error.param, error.code) == ("a", "missing_required_parameter")


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("false", False), ("null", False), (None, False)]
)
def test_a_flag_is_true_only_if_it_says_so(text: str | None, *, expected: bool) -> None:
    assert request.flag(fields(a=text) if text else {}, "a") is expected


@pytest.mark.parametrize("text", ["1", '"true"', "[]"])
def test_a_flag_is_a_boolean(text: str) -> None:
    with pytest.raises(ClientError) as caught:
        request.flag(fields(a=text), "a")
    assert (caught.value.param, caught.value.code) == ("a", "invalid_type")


def test_a_value_that_is_none_of_the_possible_ones_is_told_them() -> None:
    error = request.unsupported("messages[0].role", "robot", ("system", "user", "tool"))
    assert error.message == (
        "Invalid value: 'robot'. Supported values are: 'system', 'user' and 'tool'."
    )
    assert (error.status, error.param, error.code) == (400, "messages[0].role", "invalid_value")
