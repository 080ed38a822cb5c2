"""Which piece of a tool call belongs to which call."""

import pytest

from tests.unit.translating import piece
from translator.tasks.tool_calls import CallPiece, Calls


def placed(*pieces: CallPiece) -> list[tuple[str | None, str]]:
    """The name and the arguments of each call that these pieces make."""
    calls, found = Calls(), list[tuple[str | None, str]]()
    for said in pieces:
        number, begins = calls.place(said)
        if begins:
            assert number == len(found)
            found.append((said.name, ""))
        name, arguments = found[number]
        found[number] = name, arguments + said.arguments
    return found


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
    assert placed(*pieces) == expected


def test_there_are_calls_once_one_has_begun() -> None:
    calls = Calls()
    assert not calls
    assert calls.place(piece(name="f")) == (0, True)
    assert calls
    assert calls.place(piece("1")) == (0, False)
