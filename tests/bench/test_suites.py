"""Short real runs of the suites about streams, memory, start-up and workers."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench import memory, startup, streams, workers
from bench.contenders import ENVOY, FILTERS, NOOP
from bench.plan import Plan
from bench.results import METRICS, Suite

FILTER = next(iter(FILTERS))
PLAN = Plan(rounds=1, seconds=1, warm_up=0, share=0.002, contenders=[FILTER])


def measured(suite: Suite, plan: Plan, folder: Path) -> Mapping[tuple[str, str], dict[str, float]]:
    """The metrics of each scenario and contender."""
    results = [*suite.measure(plan, folder, lambda _words: None)]
    assert {(result.suite, result.round) for result in results} == {(suite.NAME, 1)}
    assert all(result.metrics.keys() <= METRICS.keys() for result in results)
    return {(result.scenario, result.contender): dict(result.metrics) for result in results}


def test_streams(tmp_path: Path) -> None:
    plan = replace(PLAN, scenarios=["16 streams"], contenders=[FILTER, NOOP, ENVOY])
    found = measured(streams, plan, tmp_path)
    for (_, who), metrics in found.items():
        assert 100 < metrics["events_per_s"] < 1000
        assert metrics["envoy_event_us"] > 0
        assert ("python_event_us" in metrics) == (who != ENVOY)
        assert 0 < metrics["event_delay_p50_ms"] <= metrics["event_delay_p99_ms"]
        assert metrics["ttft_ms"] > 0
        assert ("added_event_delay_p50_ms" in metrics) == (who != ENVOY)
        assert ("delay_share" in metrics) == (who == FILTER)
    assert [who for _, who in found] == [NOOP, ENVOY, FILTER]


def test_a_stream_without_pauses(tmp_path: Path) -> None:
    (metrics,) = measured(streams, replace(PLAN, scenarios=["flat out"]), tmp_path).values()
    assert metrics["events_per_s"] > 1000
    assert metrics["envoy_event_us"] > 0
    assert metrics["python_event_us"] > 0
    assert not {"added_event_delay_p50_ms", "delay_share"} & metrics.keys()


def test_memory(tmp_path: Path) -> None:
    plan = replace(PLAN, scenarios=["an image", "open streams", "events"])
    large, waiting, passing = measured(memory, plan, tmp_path).values()
    assert large["peak_rss_mb"] > large["idle_rss_mb"] > 20
    assert 1 < large["body_multiple"] < 20
    assert waiting["python_stream_kb"] > 0
    assert waiting["envoy_stream_kb"] > 0
    assert passing["rss_4_mb"] > 20


def test_startup(tmp_path: Path) -> None:
    found = {
        scenario: metrics for (scenario, _), metrics in measured(startup, PLAN, tmp_path).items()
    }
    assert found["import"]["import_s"] > 0
    assert found["1 worker"]["ready_s"] > 0
    assert found["1 worker"]["rss_mb"] > 20
    assert found["2 workers"]["rss_mb"] > found["2 workers"]["supervisor_rss_mb"] > 10


def test_workers(tmp_path: Path) -> None:
    cores = os.sched_getaffinity(0)
    one, two = measured(workers, PLAN, tmp_path).values()
    assert one["rps"] > 0
    assert 0 < two["balance"] <= 1
    assert os.sched_getaffinity(0) == cores
