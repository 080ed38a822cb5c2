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
    calls = join(pieces)
    assert all(call.type == "function" for call in calls)
    assert len({call.id for call in calls}) == len(calls)
    return [(str(call.function.name), call.function.arguments) for call in calls]


def deltas(*pieces: CallPiece) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(delta) for delta in CallDeltas().deltas(pieces)]


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
        join(pieces)


def test_a_whole_call_without_arguments_has_empty_ones() -> None:
    assert joined(piece(id="a", name="f"), piece("1", id="b", name="g")) == [
        ("f", "{}"),
        ("g", "1"),
    ]


def test_calls_without_ids_are_given_ids_that_differ() -> None:
    first, second = join([piece(name="f"), piece(name="f")])
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


def test_calls_know_which_of_them_have_no_arguments_yet() -> None:
    calls = CallDeltas()
    begun = list(calls.deltas([piece(name="f"), piece("1", name="g"), piece(name="h")]))
    assert len(begun) == 3
    late = [msgspec.to_builtins(delta) for delta in calls.closing_deltas()]
    assert late == [
        {"index": 0, "function": {"arguments": "{}"}},
        {"index": 2, "function": {"arguments": "{}"}},
    ]
    list(calls.deltas([piece("2")]))
    assert [delta.index for delta in calls.closing_deltas()] == [0]
