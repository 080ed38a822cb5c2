"""Medians, ratios per round, and the grouping of results into tables."""

import pytest

from bench import compare
from bench.compare import Spread
from tests.bench.results import result


def test_a_ratio_is_of_two_turns_of_one_round() -> None:
    turns = compare.by_turn(
        [
            result("filter", 1, rps=10),
            result("no-op", 1, rps=20),
            result("filter", 2, rps=30),
            result("no-op", 2, rps=40),
            result("filter", 3, rps=50),
            result("no-op", 3, rps=50),
        ],
        "rps",
    )
    assert compare.ratio(turns, "filter", "no-op") == Spread(0.75, 0.5, 1.0)
    assert compare.spread(turns, "filter") == Spread(30, 10, 50)


def test_there_is_no_ratio_without_both_contenders() -> None:
    turns = {("filter", 1): 1.0, ("no-op", 1): 0.0, ("filter", 2): 2.0}
    assert compare.ratio(turns, "filter", "no-op") is None
    assert compare.ratio(turns, "filter", "Envoy alone") is None
    assert compare.spread(turns, "Envoy alone") is None


def test_a_spread_shows_its_ends_only_if_they_differ() -> None:
    assert Spread(1.24, 1.16, 1.31).text(1) == "1.2 (1.2..1.3)"
    assert Spread(1.24, 1.21, 1.24).text(1) == "1.2"


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1234"), (12.3, "12"), (1.23, "1.2"), (0.123, "0.12"), (0, "0")]
)
def test_small_values_have_two_digits(value: float, text: str) -> None:
    assert Spread.of([value]).text(0) == text


def test_scenarios_with_the_same_contenders_share_a_table() -> None:
    found = [
        result(contender, 1, scenario, rps=8, p50_ms=2)
        for scenario, contenders in (
            ("a", ("Envoy alone", "filter")),
            ("b", ("filter", "Envoy alone")),
            ("c", ("filter",)),
        )
        for contender in contenders
    ]
    both, ratios, alone = compare.tables(found)
    assert both.columns == ["filter", "Envoy alone"]
    rows = [("a", "rps"), ("a", "p50_ms"), ("b", "rps"), ("b", "p50_ms")]
    assert [row[:2] for row in both.rows] == [row[:2] for row in ratios.rows] == rows
    assert both.rows[0][2] == [Spread.of([8]), Spread.of([8])]
    assert ratios.columns == ["filter / Envoy alone"]
    assert ratios.rows[0][2] == [Spread.of([1])]
    assert alone.columns == ["filter"]


def test_contenders_are_sorted_independently_of_the_results() -> None:
    found = [result(name, 1) for name in ("Envoy alone", "no-op", "2 workers", "filter")]
    assert compare.in_order(found) == ["2 workers", "filter", "no-op", "Envoy alone"]
