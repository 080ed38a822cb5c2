"""Halves of surrogate pairs in JSON."""

import json

import pytest

from translator import surrogates


@pytest.mark.parametrize(
    "text",
    ['"a"', '"\\ud83d\\ude00"', '"\\\\ud83d"', '"\\\\\\\\ud83d"', '"\\uD83D\\uDE00 \\u00e9"'],
)
def test_a_text_without_halves_is_left_alone(text: str) -> None:
    assert surrogates.mark(text.encode()) == text.encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'"a\ud83d"', "a\ufffd"),
        (r'"\ude00a"', "\ufffda"),
        (r'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (r'"\\\ud83d"', "\\\ufffd"),
    ],
)
def test_a_half_is_replaced(text: str, expected: str) -> None:
    marked = json.loads(surrogates.mark(text.encode()))
    assert surrogates.is_marked(marked)
    assert surrogates.clean(marked) == expected


def test_halves_that_meet_are_one_character() -> None:
    first, second = (
        json.loads(surrogates.mark(text)) for text in (rb'"a\ud83d"', rb'"\ude00b\ud83d"')
    )
    said, half = surrogates.join("", first)
    assert said == "a"
    more, half = surrogates.join(half, second)
    assert more == "\U0001f600b"
    assert surrogates.join(half, "c") == ("\ufffdc", "")
