"""Margins: exceeded ones, and missing measurements."""

from bench import margins
from bench.contenders import NOOP
from bench.results import Result
from bench.scenarios import SCENARIOS


def measured(factor: float) -> list[Result]:
    """All that the margins are about, the filter's figures so many times the limits."""
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for suite, scenario, contender, metric, _, limit, _ in margins.MARGINS:
        found.setdefault((suite, scenario, contender), {})[metric] = limit * factor
        found.setdefault((suite, scenario, NOOP), {})[metric] = 1
    return [
        Result(*names, number, metrics) for names, metrics in found.items() for number in (1, 2)
    ]


def test_within_the_margins_nothing_is_reported() -> None:
    assert list(margins.exceeded({"unary": measured(0.99)})) == []


def test_each_margin_that_is_exceeded_is_a_sentence() -> None:
    found = list(margins.exceeded({"unary": measured(1.01)}))
    assert len(found) == len(margins.MARGINS)
    assert "Python CPU of filter / no-op is 1.21, and may be 1.2" in found[0]


def test_one_round_within_the_limit_is_enough() -> None:
    results = [
        one if one.round == 1 else two
        for one, two in zip(*([measured(9), measured(0.9)]), strict=True)
    ]
    assert list(margins.exceeded({"unary": results})) == []


def test_a_missing_measurement_is_reported() -> None:
    found = list(margins.exceeded({}))
    assert len(found) == len(margins.MARGINS)
    assert all(sentence.endswith("was not measured.") for sentence in found)


def test_known_values_are_within_limits_and_scenarios_exist() -> None:
    names = {scenario.name for scenario in SCENARIOS}
    for margin in margins.MARGINS:
        assert margin.known < margin.limit
        assert margin.scenario in names
