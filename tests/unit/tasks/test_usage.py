"""The token counts of OpenAI's object."""

import json
from typing import Any

import pytest
from msgspec import Raw

from translator.tasks.usage import of_usage


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}, (7, 5)),
        ({"input_tokens": 7, "output_tokens": 5}, (7, 5)),
        ({"prompt_tokens": 7, "total_tokens": 7}, (7, None)),
        ({"prompt_tokens": None, "completion_tokens": "x"}, (None, None)),
        ([7], (None, None)),
        (None, (None, None)),
    ],
)
def test_counts_are_read_from_openais_object(usage: Any, expected: tuple[int, int]) -> None:
    assert of_usage(Raw(json.dumps(usage).encode())) == expected


def test_a_missing_usage_has_no_counts() -> None:
    assert of_usage(None) == (None, None)
