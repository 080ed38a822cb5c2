"""Splitting the data of numeric tensors into rows."""

import json
import tracemalloc
from typing import Any

import pytest
from msgspec import Raw

from translator.oip import numbers


def rows(data: bytes, shape: list[int]) -> list[bytes]:
    return [*numbers.rows(Raw(data), shape)]


@pytest.mark.parametrize(
    ("shape", "data", "expected"),
    [
        ([2, 2], b"[1,-2.50,3e-07,4E5]", [b"[1,-2.50]", b"[3e-07,4E5]"]),
        ([2, 2], b"[[1.0,2.0],\n\t[ 3.0,4.0 ]]", [b"[1.0,2.0]", b"[3.0,4.0]"]),
        ([2, 2], b"[1, 2, 3, 4]", [b"[1,2]", b"[3,4]"]),
        ([2, 2], b"[[[1],[2]],[[3],[4]]]", [b"[1,2]", b"[3,4]"]),
        ([2, 2], b"[[1,2,3,4]]", [b"[1,2]", b"[3,4]"]),
        ([3, 1], b"[1,2,3]", [b"[1]", b"[2]", b"[3]"]),
        ([1, 3], b"[1,2,3]", [b"[1,2,3]"]),
        ([3], b"[1,2,3]", [b"[1,2,3]"]),
        ([], b"[0.12345678901234567890]", [b"[0.12345678901234567890]"]),
    ],
)
def test_numbers_are_kept_digit_for_digit(
    shape: list[int], data: bytes, expected: list[bytes]
) -> None:
    assert rows(data, shape) == expected


@pytest.mark.parametrize("shape", [[1, 2], [2, 1], [2]])
@pytest.mark.parametrize(
    "data",
    ['["1",2]', "[1,null]", "[true,1]", "[1,false]", "[{},1]", '{"a":1}', '"[1,2]"', "7", "null"],
)
def test_elements_that_are_not_numbers_are_an_error(data: str, shape: list[int]) -> None:
    with pytest.raises(ValueError, match="the data"):
        rows(data.encode(), shape)


@pytest.mark.parametrize("word", [b"null", b'"1"', b"false", b"true", b"{}"])
@pytest.mark.parametrize("place", [0, 20_000, 39_999])
def test_a_word_is_detected_at_any_position(word: bytes, place: int) -> None:
    elements = [b"0.125"] * 40_000  # several windows of it
    elements[place] = word
    with pytest.raises(ValueError, match="not a list of numbers"):
        rows(b"[%b]" % b",".join(elements), [4, 10_000])


@pytest.mark.parametrize("place", [0, 20_000, 39_999])
@pytest.mark.parametrize("odd", [b"[0.125]", b" 0.125", b"0.125\r\n"])
def test_white_space_in_one_place_is_accepted(odd: bytes, place: int) -> None:
    elements = [b"0.125"] * 40_000
    elements[place] = odd
    expected = b"[%b]" % b",".join([b"0.125"] * 10_000)
    assert rows(b"[%b]" % b",".join(elements), [4, 10_000]) == [expected] * 4


@pytest.mark.parametrize(
    "data",
    ["[[1,2],[]]", "[[],[1,2]]", "[[1],[],[2]]", "[[1,[],2]]", "[1,2,[]]", "[]", "[[]]", "[[],[]]"],
)
@pytest.mark.parametrize("shape", [[2, 1], [1, 2], [3, 1], [1, 3], [2], [0, 2], [2, 0]])
def test_an_empty_list_is_no_number(data: str, shape: list[int]) -> None:
    with pytest.raises(ValueError, match="the data"):
        rows(data.encode(), shape)


@pytest.mark.parametrize(
    "shape",
    [[2, 3], [3, 2], [1, 3], [4, 2], [2, 1], [1, 5], [-1, 4], [0, 4], [4, 0], [-2, -2], [2, 2, 1]],
)
@pytest.mark.parametrize("data", [b"[1,2,3,4]", b"[[1,2],[3,4]]"])
def test_the_count_must_match_the_shape(data: bytes, shape: list[int]) -> None:
    with pytest.raises(ValueError, match="the size of the data"):
        rows(data, shape)


@pytest.mark.parametrize("shape", [[10**30, 1], [1, 10**30], [2, 10**30], [2**31, 2**31]])
def test_a_huge_shape_is_refused_quickly(shape: list[int]) -> None:
    with pytest.raises(ValueError, match="the size of the data"):
        rows(b"[1,2,3,4]", shape)


@pytest.mark.parametrize("shape", [[4], []])
def test_nested_data_of_a_single_row_is_an_error(shape: list[int]) -> None:
    with pytest.raises(ValueError, match="the size of the data"):
        rows(b"[[1,2],[3,4]]", shape)


@pytest.mark.parametrize("first", [b"0", b"1" + b"0" * 300], ids=["short", "long"])
def test_rows_may_be_of_very_different_lengths(first: bytes) -> None:
    vectors = [[first] * 100, *[[b"0.12345678"] * 100] * 3, [b"5"] * 100]
    data = b"[%b]" % b",".join(number for vector in vectors for number in vector)
    assert rows(data, [5, 100]) == [b"[%b]" % b",".join(vector) for vector in vectors]


@pytest.mark.parametrize("nested", [True, False])
def test_a_large_response_needs_little_more_memory_than_its_text(*, nested: bool) -> None:
    vector: Any = [0.0625] * 1000
    data = json.dumps([vector] * 200 if nested else vector * 200, separators=(",", ":")).encode()
    raw = Raw(data)
    tracemalloc.start()
    try:
        count = sum(1 for _ in numbers.rows(raw, [200, 1000]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 200
    assert peak < (4 if nested else 0.5) * len(data)
