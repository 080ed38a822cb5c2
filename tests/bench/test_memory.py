"""The plan of the suite memory; test_suites runs it."""

from pathlib import Path

import pytest

from bench import memory
from bench.contenders import FILTER, FILTER_GRPCIO, NOOP
from bench.plan import FULL, Plan


@pytest.fixture
def _nothing_started(monkeypatch: pytest.MonkeyPatch) -> None:
    for turn in ("_large", "_open", "_requests", "_events"):
        monkeypatch.setattr(memory, turn, lambda *_: {"idle_rss_mb": 1.0})


def who(plan: Plan) -> dict[str, list[str]]:
    """Contenders by scenario."""
    found: dict[str, list[str]] = {}
    for result in memory.measure(plan, Path(), lambda _words: None):
        assert result.round == 1
        found.setdefault(result.scenario, []).append(result.contender)
    return found


@pytest.mark.usefixtures("_nothing_started")
def test_one_round_with_longer_runs_for_contenders_that_do_not_grow() -> None:
    everyone = [FILTER, FILTER_GRPCIO, NOOP]
    assert who(FULL) == {
        "a request of 10 MB, an image": everyone,
        "an answer of 10 MB, embeddings": everyone,
        "1,000 open streams": everyone,
        "1,000,000 requests": [FILTER],
        "200,000 requests": [FILTER_GRPCIO, NOOP],
        "1,000,000 events": [FILTER],
        "200,000 events": [FILTER_GRPCIO, NOOP],
    }


@pytest.mark.usefixtures("_nothing_started")
def test_counts_are_multiplied_by_the_share() -> None:
    assert who(Plan(share=0.1, scenarios=["requests"], contenders=[FILTER, NOOP])) == {
        "100,000 requests": [FILTER],
        "20,000 requests": [NOOP],
    }


@pytest.mark.usefixtures("_nothing_started")
def test_progress_does_not_mention_rounds() -> None:
    words: list[str] = []
    plan = Plan(rounds=3, scenarios=["open streams"], contenders=[NOOP])
    assert len([*memory.measure(plan, Path(), words.append)]) == 1
    assert words == [f"100 open streams: {NOOP}"]
