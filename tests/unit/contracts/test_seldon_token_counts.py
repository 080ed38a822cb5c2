"""Token counts under all names, and invalid ones."""

import json
from typing import Any

import pytest

from tests import oip
from translator.contracts.seldon import token_counts
from translator.oip.response import decode

NAMES = [
    ("prompt_tokens", "completion_tokens"),
    ("num_input_tokens", "num_output_tokens"),
    ("input_tokens", "output_tokens"),
]
USAGE = {"prompt_tokens": 7, "completion_tokens": 5}


def read(*outputs: dict[str, Any], **extra: Any) -> tuple[int | None, int | None]:
    return token_counts.read(decode(json.dumps(oip.response(*outputs, **extra)).encode()))


@pytest.mark.parametrize(("prompt", "completion"), NAMES)
def test_counts_are_read_from_tensors_under_every_name(prompt: str, completion: str) -> None:
    assert read(oip.numbers(prompt, 7), oip.numbers(completion, 5)) == (7, 5)


@pytest.mark.parametrize(("prompt", "completion"), NAMES)
def test_counts_are_read_from_parameters_under_every_name(prompt: str, completion: str) -> None:
    assert read(parameters={prompt: 7, completion: 5}) == (7, 5)
    assert read(parameters={"usage": {prompt: 7, completion: 5}}) == (7, 5)


@pytest.mark.parametrize(("prompt", "completion"), NAMES)
def test_counts_are_read_from_an_object_in_a_tensor(prompt: str, completion: str) -> None:
    usage = json.dumps({prompt: 7, completion: 5, "total_tokens": 12}, indent=1)
    assert read(oip.text("usage", usage)) == (7, 5)


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ((7,), 7),
        ((7, 7), 7),
        ((3, 7, 5), 7),
        (([7],), 7),
        (([[7]],), 7),
        (([7], [7]), 7),
        (("7",), 7),
        ((" 7 ",), 7),
        ((0,), 0),
        ((10**18 - 1,), 10**18 - 1),
    ],
)
def test_a_prompt_is_shared_by_all_choices(elements: tuple[Any, ...], expected: int) -> None:
    assert read(oip.numbers("prompt_tokens", *elements)) == (expected, None)


@pytest.mark.parametrize(
    ("elements", "expected"),
    [((5,), 5), ((5, 6), 11), (([5], [6]), 11), (("5", "6"), 11), ((0, 0), 0)],
)
def test_completion_counts_of_choices_are_added(elements: tuple[Any, ...], expected: int) -> None:
    assert read(oip.numbers("completion_tokens", *elements)) == (None, expected)


@pytest.mark.parametrize(
    "garbage",
    [
        None,
        True,
        -1,
        1.5,
        "",
        "x",
        "٣",
        [],
        [None],
        [1, None],
        [1, -1],
        {},
        {"a": 1},
        10**18,
        "9" * 5000,
    ],
)
def test_invalid_counts_are_ignored(garbage: Any) -> None:
    assert read(parameters={"prompt_tokens": garbage, "completion_tokens": 5}) == (None, 5)
    assert read(oip.numbers("completion_tokens", garbage), parameters={"prompt_tokens": 7}) == (
        7,
        None,
    )
    assert read(parameters={"usage": {**USAGE, "prompt_tokens": garbage}}) == (None, 5)


@pytest.mark.parametrize("garbage", [None, 7, "x", [], {}, {"usage": 1}, "7", '"x"', "{", "[1]"])
def test_a_usage_that_is_no_object_is_ignored(garbage: Any) -> None:
    assert read(oip.numbers("usage", garbage, datatype="BYTES")) == (None, None)
    assert read(parameters={"usage": garbage}) == (None, None)


def test_a_name_without_numbers_is_skipped() -> None:
    outputs = oip.numbers("prompt_tokens", "x"), oip.numbers("num_input_tokens", 7)
    assert read(*outputs, parameters={"input_tokens": 8, "output_tokens": 5}) == (7, 5)


def test_a_tensor_comes_before_a_parameter_and_an_object_before_both() -> None:
    tensor, parameters = oip.numbers("prompt_tokens", 1), {"prompt_tokens": 2}
    assert read(tensor, parameters=parameters) == (1, None)
    usage = oip.text("usage", '{"prompt_tokens":3}')
    assert read(tensor, usage, parameters=parameters) == (3, None)


@pytest.mark.parametrize("parameters", [None, {}, {"headers": {"Ce-Id": "7"}}])
def test_without_counts_nothing_is_known(parameters: Any) -> None:
    assert read(*oip.answer("x")["outputs"], parameters=parameters) == (None, None)


def test_a_usage_nested_too_deeply_is_ignored() -> None:
    deep = f'{{"a":{"[" * 200_000}{"]" * 200_000}}}'
    assert read(oip.text("usage", deep)) == (None, None)


def test_a_usage_tensor_may_be_nested_like_any_other() -> None:
    usage = {"name": "usage", "datatype": "BYTES", "shape": [1, 1], "data": [[json.dumps(USAGE)]]}
    assert read(usage) == (7, 5)


def test_a_sum_beyond_64_bits_is_no_count() -> None:
    assert read(oip.numbers("completion_tokens", *[999_999_999_999_999_999] * 40)) == (None, None)
