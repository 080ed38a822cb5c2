"""Tool calls in every encoding, and pieces put together into calls."""

import json
from typing import Any

import msgspec
import pytest

from translator.endpoints import tool_calls
from translator.endpoints.tool_calls import CallPiece, Calls
from translator.errors import UpstreamError

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
PIECE = CallPiece(None, "c1", "f", '{"a":1}')


def piece(
    arguments: str = "",
    *,
    index: int | None = None,
    id: str | None = None,  # noqa: A002 -- the name of the field
    name: str | None = None,
) -> CallPiece:
    return CallPiece(index, id, name, arguments)


def joined(*pieces: CallPiece) -> list[tuple[str, str]]:
    """The name and the arguments of each call that these pieces make."""
    calls = tool_calls.join(pieces)
    assert all(call.type == "function" for call in calls)
    assert len({call.id for call in calls}) == len(calls)
    return [(str(call.function.name), call.function.arguments) for call in calls]


def deltas(*pieces: CallPiece) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(delta) for delta in Calls().deltas(pieces)]


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
def test_what_an_object_leaves_open_is_left_open(item: Any, expected: CallPiece) -> None:
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
def test_what_is_no_call_is_upstreams_fault(text: str) -> None:
    with pytest.raises(UpstreamError, match="could not be understood") as caught:
        tool_calls.read(text)
    assert caught.value.status == 502


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([piece("{}", id="a", name="f")], [("f", "{}")]),
        # Numbered, with an id in the first piece only, as OpenAI does it.
        (
            [
                piece("1", index=0, id="a", name="f"),
                piece("2", index=0),
                piece("3", index=1, id="b", name="g"),
                piece("4", index=1),
                piece("5", index=0),
            ],
            [("f", "125"), ("g", "34")],
        ),
        # The id and the name in every piece.
        (
            [
                piece("1", id="a", name="f"),
                piece("2", id="b", name="g"),
                piece("3", id="a", name="f"),
            ],
            [("f", "13"), ("g", "2")],
        ),
        # Every call has the index 0: then the ids decide.
        (
            [piece("1", index=0, id="a", name="f"), piece("2", index=0, id="b", name="f")],
            [("f", "1"), ("f", "2")],
        ),
        # Numbers alone, from 1 and with a gap.
        (
            [
                piece("1", index=1, name="f"),
                piece("2", index=7, name="g"),
                piece("3", index=1),
                piece("4", index=7),
            ],
            [("f", "13"), ("g", "24")],
        ),
        # Neither: a name begins a call, what has none goes on with the last.
        (
            [piece("1", name="f"), piece("2"), piece("3", name="f"), piece("4")],
            [("f", "12"), ("f", "34")],
        ),
        # The id comes late, for a call that has its number.
        ([piece("1", index=0, name="f"), piece("2", index=0, id="a")], [("f", "12")]),
        # An id at first, nothing later.
        ([piece("1", id="a", name="f"), piece("2")], [("f", "12")]),
        ([piece("1", index=0, id="a", name="f"), piece("2")], [("f", "12")]),
        ([], []),
    ],
)
def test_pieces_find_their_call(pieces: list[CallPiece], expected: list[tuple[str, str]]) -> None:
    assert joined(*pieces) == expected


def test_the_first_piece_says_all_but_the_rest_of_the_arguments() -> None:
    found = deltas(
        piece("1", index=3, id="a", name="f"),
        piece("2", index=3, id="a", name="f"),
        piece(index=3),
        piece(index=9, id="b", name="g"),
    )
    assert found == [
        {
            "index": 0,
            "id": "a",
            "type": "function",
            "function": {"name": "f", "arguments": "1"},
        },
        {"index": 0, "function": {"arguments": "2"}},
        {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
    ]


@pytest.mark.parametrize(
    "pieces",
    [[piece("{}")], [piece("{}", id="a")], [piece("1", id="a", name="f"), piece("2", id="b")]],
)
def test_a_call_begins_with_its_name(pieces: list[CallPiece]) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        tool_calls.join(pieces)


def test_a_whole_call_without_arguments_has_empty_ones() -> None:
    assert joined(piece(id="a", name="f"), piece("1", id="b", name="g")) == [
        ("f", "{}"),
        ("g", "1"),
    ]


def test_calls_without_ids_are_given_ids_that_differ() -> None:
    first, second = tool_calls.join([piece(name="f"), piece(name="f")])
    assert first.id != second.id
    assert len(first.id) == len(second.id) == len("call_") + 24
    assert first.id.startswith("call_")


def test_calls_know_which_of_them_have_no_arguments_yet() -> None:
    calls = Calls()
    begun = list(calls.deltas([piece(name="f"), piece("1", name="g"), piece(name="h")]))
    assert len(begun) == 3
    late = [msgspec.to_builtins(delta) for delta in calls.without_arguments()]
    assert late == [
        {"index": 0, "function": {"arguments": "{}"}},
        {"index": 2, "function": {"arguments": "{}"}},
    ]
    list(calls.deltas([piece("2")]))
    assert [delta.index for delta in calls.without_arguments()] == [0]


def test_there_are_calls_once_one_has_begun() -> None:
    calls = Calls()
    assert not calls
    assert calls.place(piece(name="f")) == (0, True)
    assert calls
    assert calls.place(piece("1")) == (0, False)


def test_a_piece_with_an_index_goes_on_with_the_latest_call_of_that_index() -> None:
    pieces = [
        piece("1", index=0, id="a", name="f"),
        piece("2", index=0),
        piece("3", index=0, id="b", name="g"),
        piece("4", index=0),
    ]
    assert joined(*pieces) == [("f", "12"), ("g", "34")]
