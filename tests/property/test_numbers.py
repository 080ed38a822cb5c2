"""Rows of numbers: splitting the text gives the same as decoding the numbers."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from translator.oip import numbers

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**30), 10**30).map(str),
    st.sampled_from(["-0", "0.0", "1E5", "1e+05", "-2.50e-07"]),
)
ELEMENTS = st.recursive(
    NUMBERS, lambda inner: st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")
)
SHAPES = st.lists(st.integers(-1, 6), max_size=3)


def apart(data: str, shape: list[int]) -> list[list[str]] | None:
    """Number by number; None where the data is not what its shape says."""
    lists = json.loads(data, parse_int=str, parse_float=str)
    nested, empty = "[" in data[1:], "[]" in data[1:]
    flat = [*_leaves(lists)]
    if not flat or empty:
        return None
    if len(shape) == 2:
        count, width = shape
        if count < 1 or width < 1 or count * width != len(flat):
            return None
        return [flat[start : start + width] for start in range(0, len(flat), width)]
    return [flat] if len(shape) < 2 and not nested else None


def _leaves(item: object) -> list[str]:
    if isinstance(item, list):
        return [leaf for inner in item for leaf in _leaves(inner)]
    return [str(item)]


def cut(data: str, shape: list[int]) -> list[list[str]] | None:
    raw = msgspec.json.decode(data, type=Raw)
    try:
        rows = [row.decode() for row in numbers.rows(raw, shape)]
    except ValueError:
        return None
    return [json.loads(row, parse_int=str, parse_float=str) for row in rows]


@given(st.lists(ELEMENTS, max_size=6), SHAPES, st.sampled_from([",", ", ", " ,\n\t", "\r\n,"]))
def test_any_lists_and_any_shape(elements: list[str], shape: list[int], comma: str) -> None:
    data = f"[{comma.join(elements)}]"
    assert cut(data, shape) == apart(data, shape)


@given(st.integers(1, 5), st.integers(1, 5), st.data(), st.booleans())
def test_every_matrix(
    count: int,
    width: int,
    data: st.DataObject,
    nested: bool,  # noqa: FBT001 -- given by hypothesis
) -> None:
    row = st.lists(NUMBERS, min_size=width, max_size=width)
    matrix = data.draw(st.lists(row, min_size=count, max_size=count))
    lines = [",".join(row) for row in matrix]
    text = f"[[{'],['.join(lines)}]]" if nested else f"[{','.join(lines)}]"
    raw = msgspec.json.decode(text, type=Raw)
    assert [*numbers.rows(raw, [count, width])] == [f"[{line}]".encode() for line in lines]
