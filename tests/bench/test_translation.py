"""The suite that measures translation in this process."""

from pathlib import Path

import pytest

from bench import translation
from bench.plan import SMOKE, Plan
from bench.results import METRICS, Result

SMALL = "chat 200 B, both"


def run(plan: Plan) -> list[Result]:
    return list(translation.measure(plan, Path(), lambda _words: None))


def test_a_scenario_is_measured_with_its_yardsticks() -> None:
    results = run(Plan(rounds=2, scenarios=[SMALL], contenders=["translation", "json"]))
    assert [(result.round, result.contender) for result in results] == [
        (1, "translation"),
        (1, "json"),
        (2, "translation"),
        (2, "json"),
    ]
    for result in results:
        assert (result.suite, result.scenario) == (translation.NAME, SMALL)
        assert result.metrics.keys() <= METRICS.keys()
        assert result.metrics["call_us"] > 0


def test_scenario_names_are_unique() -> None:
    names = [scenario.name for scenario in translation.SCENARIOS]
    assert len(set(names)) == len(names)
    assert {scenario.main for scenario in translation.SCENARIOS} == {True, False}


def test_contenders_that_are_not_selected_are_not_measured() -> None:
    assert run(Plan(rounds=SMOKE.rounds, scenarios=[SMALL], contenders=["filter"])) == []


# The largest takes seconds and is made as the smaller ones are.
@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(scenario, id=scenario.name)
        for scenario in translation.SCENARIOS
        if "2048x1024" not in scenario.name
    ],
)
def test_every_scenario_works(scenario: translation.Scenario) -> None:
    work, bodies = scenario.prepare()
    work()
    assert all(bodies)
