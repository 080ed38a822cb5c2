"""Decoding of request bodies, and its errors."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Raw

from translator.errors import ClientError
from translator.openai import request
from translator.openai.chat import Message
from translator.raw_json import Object, is_null


class Nested(msgspec.Struct):
    deep: str


UNPARSABLE = "We could not parse the JSON body of your request."


def fields(**texts: str) -> Object:
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
def test_invalid_json_gets_openais_error(body: bytes) -> None:
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
                "Invalid type for 'x': expected one of a string or array of objects, "
                "but got a decimal number instead."
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
                "Invalid type for 'x[0].content': expected one of a string or array of objects, "
                "but got an object instead."
            ),
            "x[0].content",
            "invalid_type",
        ),
        (
            '[{"role":"user","content":["a",7]}]',
            list[Message],
            (
                "Invalid type for 'x[0].content[1]': expected one of a string or object, "
                "but got an integer instead."
            ),
            "x[0].content[1]",
            "invalid_type",
        ),
        (
            '[{"role":"user","tool_calls":"no"}]',
            list[Message],
            (
                "Invalid type for 'x[0].tool_calls': expected an array of objects, "
                "but got a string instead."
            ),
            "x[0].tool_calls",
            "invalid_type",
        ),
        (
            "{}",
            str | int | list[str],
            (
                "Invalid type for 'x': expected one of an integer, string or array of objects, "
                "but got an object instead."
            ),
            "x",
            "invalid_type",
        ),
        (
            "null",
            float,
            "Invalid type for 'x': expected a decimal, but got null instead.",
            "x",
            "invalid_type",
        ),
        (
            '{"a":{}}',
            dict[str, Nested],
            "Missing required parameter: 'x[...].deep'.",
            "x[...].deep",
            "missing_required_parameter",
        ),
    ],
)
def test_an_invalid_element_is_named_with_its_path(
    text: str, kind: Any, message: str, param: str, code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        request.decode_field(Raw(text.encode()), kind, "x")
    error = caught.value
    assert (error.message, error.param, error.code) == (message, param, code)
    assert error.status == 400


def test_a_field_of_the_wanted_type_is_decoded() -> None:
    assert request.decode_field(Raw(b'["a","b"]'), str | list[str], "x") == ["a", "b"]


def test_other_errors_name_the_field() -> None:
    with pytest.raises(ClientError) as caught:
        request.decode_field(Raw(b"1e400"), float, "x")
    error = caught.value
    assert (error.message, error.param, error.code) == (
        "Invalid value for 'x'.",
        "x",
        "invalid_value",
    )


@pytest.mark.parametrize(
    ("name", "elements"),
    [("stop", "strings"), ("modalities", "strings"), ("input", "strings"), ("tools", "objects")],
)
def test_errors_name_the_type_of_elements(name: str, elements: str) -> None:
    with pytest.raises(ClientError) as caught:
        request.decode_field(Raw(b"7"), list[Any], name)
    assert caught.value.message == (
        f"Invalid type for '{name}': expected an array of {elements}, but got an integer instead."
    )


@pytest.mark.parametrize(
    ("text", "kind", "shown", "code"),
    [
        (
            "0",
            Annotated[int, Meta(ge=1)],
            "integer below minimum value. Expected a value >= 1, but got 0 instead.",
            "integer_below_min_value",
        ),
        (
            "11",
            Annotated[int, Meta(le=10)],
            "integer above maximum value. Expected a value <= 10, but got 11 instead.",
            "integer_above_max_value",
        ),
        (
            "-2.50",
            Annotated[float, Meta(ge=-2)],
            "decimal below minimum value. Expected a value >= -2, but got -2.50 instead.",
            "decimal_below_min_value",
        ),
        (
            "1.1",
            Annotated[float, Meta(le=0.5)],
            "decimal above maximum value. Expected a value <= 0.5, but got 1.1 instead.",
            "decimal_above_max_value",
        ),
        (
            f"-0.5{60 * '1'}",
            Annotated[float, Meta(ge=0)],
            (
                "decimal below minimum value. Expected a value >= 0, "
                f"but got -0.5{36 * '1'} instead."
            ),
            "decimal_below_min_value",
        ),
    ],
)
def test_a_number_out_of_range_gets_the_bound(text: str, kind: Any, shown: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        request.decode_field(Raw(text.encode()), kind | None, "x")
    error = caught.value
    assert (error.message, error.param, error.code) == (f"Invalid 'x': {shown}", "x", code)


def test_only_listed_fields_are_checked() -> None:
    table = request.decoders({"a": int, "c": str | None, "d": str})
    request.check(fields(a="1", b='"anything"', c="null"), table)
    with pytest.raises(ClientError) as caught:
        request.check(fields(b="1", a='"x"'), table)
    assert (caught.value.param, caught.value.code) == ("a", "invalid_type")


@pytest.mark.parametrize(
    ("error", "message", "param", "code"),
    [
        (
            request.missing("a.b"),
            "Missing required parameter: 'a.b'.",
            "a.b",
            "missing_required_parameter",
        ),
        (
            request.empty_array("a"),
            (
                "Invalid 'a': empty array. Expected an array with minimum length 1, "
                "but got an empty array instead."
            ),
            "a",
            "empty_array",
        ),
        (
            request.empty_string("a"),
            (
                "Invalid 'a': empty string. Expected a string with minimum length 1, "
                "but got an empty string instead."
            ),
            "a",
            "empty_string",
        ),
        (
            request.invalid_type("a", "a string", "null"),
            "Invalid type for 'a': expected a string, but got null instead.",
            "a",
            "invalid_type",
        ),
    ],
)
def test_errors_have_openais_messages(
    error: ClientError, message: str, param: str, code: str
) -> None:
    assert (error.status, error.type) == (400, "invalid_request_error")
    assert (error.message, error.param, error.code) == (message, param, code)


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
    assert is_null(raw) is expected


def test_take_removes_the_field() -> None:
    body = fields(a="1", b="2")
    assert bytes(request.take(body, "a")) == b"1"
    assert list(body) == ["b"]


@pytest.mark.parametrize("body", [fields(b="1"), fields(a="null")])
def test_take_refuses_absent_and_null_fields(body: Object) -> None:
    with pytest.raises(ClientError) as caught:
        request.take(body, "a")
    error = caught.value
    assert (error.status, error.message) == (400, "Missing required parameter: 'a'.")
    assert (error.param, error.code) == ("a", "missing_required_parameter")


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("false", False), ("null", False), (None, False)]
)
def test_a_flag_is_true_only_for_true(text: str | None, *, expected: bool) -> None:
    assert request.flag(fields(a=text) if text else {}, "a") is expected


@pytest.mark.parametrize("text", ["1", '"true"', "[]"])
def test_a_flag_is_a_boolean(text: str) -> None:
    with pytest.raises(ClientError) as caught:
        request.flag(fields(a=text), "a")
    assert (caught.value.param, caught.value.code) == ("a", "invalid_type")


@pytest.mark.parametrize(
    ("supported", "shown"),
    [
        (("float", "base64"), "'float' and 'base64'"),
        (("system", "user", "tool"), "'system', 'user', and 'tool'"),
    ],
)
def test_an_unsupported_value_gets_the_supported_ones(
    supported: tuple[str, ...], shown: str
) -> None:
    error = request.unsupported("messages[0].role", "robot", supported)
    assert error.message == f"Invalid value: 'robot'. Supported values are: {shown}."
    assert (error.status, error.param, error.code) == (400, "messages[0].role", "invalid_value")
