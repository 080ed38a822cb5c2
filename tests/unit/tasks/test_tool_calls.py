"""The assignment of pieces to tool calls."""

import pytest

from tests.unit.translating import piece
from translator.errors import UpstreamError
from translator.tasks.tool_calls import CallPiece, Calls


def placed(*pieces: CallPiece) -> list[tuple[str, str]]:
    """The name and the arguments of each call that these pieces make, each in its own delta."""
    calls = Calls()
    for said in pieces:
        calls.place([said])
    return [(call.name, call.said) for call in calls.release(end=True)]


OSLO, ROME = '{"city":"Oslo"}', '{"city":"Rome"}'


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
            [piece(OSLO, index=0, id="a", name="f"), piece(ROME, index=0, id="b", name="f")],
            [("f", OSLO), ("f", ROME)],
        ),
        # So they have without ids: then a named piece after whole arguments opens a call.
        (
            [piece(OSLO, index=0, name="f"), piece(ROME, index=0, name="f")],
            [("f", OSLO), ("f", ROME)],
        ),
        # The same in a stream: the name comes before the arguments.
        (
            [
                piece(index=0, name="f"),
                piece(OSLO, index=0),
                piece(index=0, name="f"),
                piece(ROME[:5], index=0),
                piece(ROME[5:], index=0),
            ],
            [("f", OSLO), ("f", ROME)],
        ),
        # The id comes with the second piece, after the name or together with it.
        ([piece("{", name="f"), piece("}", id="a", name="f")], [("f", "{}")]),
        ([piece(), piece(id="a", name="f"), piece("{}")], [("f", "{}")]),
        # Another id in every piece, with the name or without it: the index decides.
        (
            [
                piece(index=0, id="a", name="f"),
                piece('{"city":', index=0, id="b", name="f"),
                piece('"Oslo"}', index=0, id="c"),
            ],
            [("f", OSLO)],
        ),
        # One id for two calls: the index decides.
        (
            [piece("{}", index=0, id="a", name="f"), piece(OSLO, index=1, id="a", name="g")],
            [("f", "{}"), ("g", OSLO)],
        ),
        (
            [piece("{}", id="a", name="f"), piece(OSLO, id="a", name="g")],
            [("f", "{}"), ("g", OSLO)],
        ),
        # A name in fragments, a name again, a name that is late.
        (
            [
                piece(index=0, id="a", name="book_"),
                piece(index=0, name="table"),
                piece("{}", index=0),
            ],
            [("book_table", "{}")],
        ),
        (
            [
                piece(index=0, name="f"),
                piece("{", index=0, name="f"),
                piece("}", index=0, name="f"),
            ],
            [("f", "{}")],
        ),
        ([piece(index=0, id="a"), piece(index=0, name="f"), piece("{}", index=0)], [("f", "{}")]),
        ([piece("{}", index=0, id="a"), piece(index=0, name="f")], [("f", "{}")]),
        # A whole call again, at the end.
        (
            [piece(OSLO, index=0, id="a", name="f"), piece(OSLO, index=0, id="a", name="f")],
            [("f", OSLO)],
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
            [piece("{", name="f"), piece("}"), piece("{ ", name="f"), piece("}")],
            [("f", "{}"), ("f", "{ }")],
        ),
        # The id comes late, for a call that has its number.
        ([piece("1", index=0, name="f"), piece("2", index=0, id="a")], [("f", "12")]),
        # An id at first, nothing later.
        ([piece("1", id="a", name="f"), piece("2")], [("f", "12")]),
        ([piece("1", index=0, id="a", name="f"), piece("2")], [("f", "12")]),
        ([], []),
    ],
)
def test_pieces_are_assigned_to_calls(
    pieces: list[CallPiece], expected: list[tuple[str, str]]
) -> None:
    assert placed(*pieces) == expected


def test_calls_are_true_after_the_first_call() -> None:
    calls = Calls()
    assert not calls
    [(call, opens, arguments)] = calls.place([piece(name="f")])
    assert (call.number, opens, arguments) == (0, True, "")
    assert calls
    assert calls.place([piece("1")]) == [(call, False, "1")]


def test_ids_of_calls_are_unique() -> None:
    calls = Calls()
    calls.place([piece("{}", index=0, id="a", name="f"), piece("{}", index=1, id="a", name="g")])
    first, second = calls.release(end=True)
    assert first.id == "a"
    assert second.id.startswith("call_")


def test_a_start_is_held_until_its_name_is_complete() -> None:
    calls = Calls()
    calls.place([piece(index=0, name="f")])
    assert (calls.release(), calls.holds) == ([], True)
    calls.place([piece(index=1, name="g")])
    assert [call.name for call in calls.release()] == ["f"]
    calls.place([piece("{}", index=1)])
    assert [call.name for call in calls.release()] == ["g"]
    assert not calls.holds


def test_a_call_that_never_gets_a_name_is_upstreams_fault() -> None:
    calls = Calls()
    calls.place([piece("{}", index=0, id="a")])
    with pytest.raises(UpstreamError, match="could not be understood"):
        calls.release(end=True)
