"""Tool calls in every encoding."""

import json
from typing import Any

import pytest

from tests.unit.translating import piece
from translator.contracts.seldon import tool_calls
from translator.errors import UpstreamError
from translator.tasks.tool_calls import CallPiece

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
PIECE = CallPiece(None, "c1", "f", '{"a":1}')


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (json.dumps(CALL), 1),
        (json.dumps(json.dumps(CALL)), 1),
        (json.dumps([CALL]), 1),
        (json.dumps([CALL, CALL]), 2),
        (json.dumps([json.dumps(CALL), json.dumps(CALL)]), 2),
        (json.dumps([None, "", CALL, json.dumps(CALL)]), 2),
        ("", 0),
        ("null", 0),
        ('""', 0),
        ("[]", 0),
        ("[null]", 0),
        ('[""]', 0),
    ],
)
def test_calls_are_read_in_every_encoding(text: str, count: int) -> None:
    assert tool_calls.read(text) == [PIECE] * count


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"name": "f"}, piece(name="f")),
        ({"name": "f", "arguments": "x"}, piece("x", name="f")),
        ({"function": {"name": "f"}}, piece(name="f")),
        ({"function": {"arguments": "x"}}, piece("x")),
        ({"function": {}}, piece()),
        ({}, piece()),
        ({"index": 2, "id": "c", "function": {}}, piece(index=2, id="c")),
        ({"index": "2", "id": 7, "name": 7}, piece()),
        ({"index": None, "id": None, "name": None, "arguments": None}, piece()),
        ({"id": "", "name": ""}, piece()),
        ({"arguments": {"a": [1, "b c"]}}, piece('{"a":[1,"b c"]}')),
        ({"arguments": {}}, piece("{}")),
        ({"arguments": []}, piece("[]")),
        ({"arguments": 7}, piece("7")),
    ],
)
def test_missing_fields_are_none(item: Any, expected: CallPiece) -> None:
    assert tool_calls.read(json.dumps(item, indent=1)) == [expected]


def test_arguments_in_an_object_keep_their_digits() -> None:
    for text in ('{"arguments": %s}', '[{"function":{"arguments": %s}}]'):
        [found] = tool_calls.read(text % '{"a": 1.10, "é": [1e400]}')
        assert found.arguments == '{"a":1.10,"é":[1e400]}'


@pytest.mark.parametrize(
    "text",
    [
        "text",
        "7",
        "true",
        "[1]",
        "[[]]",
        '["x"]',
        '["7"]',
        '{"function":7}',
        '{"function":null}',
        "{",
        f'{{"arguments":{"[" * 200_000}{"]" * 200_000}}}',
    ],
)
def test_unknown_encodings_are_an_upstream_error(text: str) -> None:
    with pytest.raises(UpstreamError, match="could not be understood") as caught:
        tool_calls.read(text)
    assert caught.value.status == 502
