"""Finish reasons of all vendors."""

import pytest

from translator.tasks.generation import finish_reason


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("function_call", "function_call"),
        ("STOP", "stop"),
        ("eos_token", "stop"),
        ("stop_sequence", "stop"),
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("max_length", "length"),
        ("tool_use", "tool_calls"),
        ("a word of tomorrow", "stop"),
        ("", ""),
    ],
)
def test_a_finish_reason_is_one_of_openais(word: str, expected: str) -> None:
    assert finish_reason(word) == expected
