"""Pieces of tool calls, put together into OpenAI's calls."""

from typing import Any

import msgspec
import pytest

from tests.unit.translating import piece
from translator.errors import UpstreamError
from translator.operations.chat.tool_calls import CallDeltas, join
from translator.tasks.tool_calls import CallPiece


def joined(*pieces: CallPiece) -> list[tuple[str, str]]:
    """The name and the arguments of each call that these pieces make."""
    calls = join(pieces, set())
    assert all(call.type == "function" for call in calls)
    assert len({call.id for call in calls}) == len(calls)
    functions = [msgspec.to_builtins(call.function) for call in calls]
    return [(function["name"], function["arguments"]) for function in functions]


def deltas(*pieces: CallPiece) -> list[dict[str, Any]]:
    calls = CallDeltas()
    found = [*calls.deltas(pieces), *calls.closing_deltas()]
    return [msgspec.to_builtins(delta) for delta in found]


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
            "function": {"name": "f", "arguments": "12"},
        },
        {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


@pytest.mark.parametrize(
    "pieces",
    [[piece("{}")], [piece("{}", id="a")], [piece("{}", id="a", name="f"), piece("2", id="b")]],
)
def test_a_call_begins_with_its_name(pieces: list[CallPiece]) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        join(pieces, set())


def test_a_whole_call_without_arguments_has_empty_ones() -> None:
    assert joined(piece(id="a", name="f"), piece("1", id="b", name="g")) == [
        ("f", "{}"),
        ("g", "1"),
    ]


def test_calls_without_ids_are_given_ids_that_differ() -> None:
    first, second = join([piece(name="f"), piece(name="f")], set())
    assert first.id != second.id
    assert len(first.id) == len(second.id) == len("call_") + 24
    assert first.id.startswith("call_")


def test_a_piece_with_an_index_goes_on_with_the_latest_call_of_that_index() -> None:
    pieces = [
        piece("1", index=0, id="a", name="f"),
        piece("2", index=0),
        piece("3", index=0, id="b", name="g"),
        piece("4", index=0),
    ]
    assert joined(*pieces) == [("f", "12"), ("g", "34")]


def test_the_calls_that_have_no_arguments_get_empty_ones_at_the_end() -> None:
    calls = CallDeltas()
    begun = calls.deltas([piece(name="f"), piece("1", name="g"), piece(name="h")])
    assert [delta.index for delta in begun] == [0, 1]
    late = [msgspec.to_builtins(delta) for delta in calls.closing_deltas()]
    assert late[0] == {"index": 0, "function": {"arguments": "{}"}}
    assert (late[1]["index"], late[1]["function"]) == (2, {"name": "h", "arguments": "{}"})
    assert calls.closing_deltas() == []


def test_the_start_of_a_call_waits_for_its_whole_name() -> None:
    calls = CallDeltas()
    assert calls.deltas([piece(index=0, id="a")]) == []
    assert calls.deltas([piece(index=0, name="book_")]) == []
    assert calls.deltas([piece(index=0, name="table")]) == []
    [start] = calls.deltas([piece("{", index=0)])
    assert msgspec.to_builtins(start) == {
        "index": 0,
        "id": "a",
        "type": "function",
        "function": {"name": "book_table", "arguments": "{"},
    }
    [more] = calls.deltas([piece("}", index=0)])
    assert msgspec.to_builtins(more) == {"index": 0, "function": {"arguments": "}"}}


def test_a_custom_tool_is_called_with_its_input() -> None:
    calls = CallDeltas()
    first = CallPiece(0, "a", "sql", "select", custom=True)
    found = [*calls.deltas([first]), *calls.deltas([CallPiece(0, None, None, " 1", custom=True)])]
    assert [msgspec.to_builtins(delta) for delta in found] == [
        {"index": 0, "id": "a", "type": "custom", "custom": {"name": "sql", "input": "select"}},
        {"index": 0, "custom": {"input": " 1"}},
    ]
