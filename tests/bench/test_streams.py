"""The arithmetic of the suites about streams, memory and workers."""

import pytest

from bench import memory, streams, workers
from bench.contenders import ENVOY, FILTERS, NOOP
from bench.results import METRICS, BenchError

FILTER = next(iter(FILTERS))


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([3.0], 99, 3.0),
        ([4.0, 1.0, 3.0, 2.0], 50, 2.0),
        ([*map(float, range(1, 101))], 99, 99.0),
        ([*map(float, range(1, 102))], 99, 100.0),
        ([1.0, 2.0, 3.0], 100, 3.0),
    ],
)
def test_percentiles_are_values(values: list[float], percent: float, expected: float) -> None:
    assert streams.percentile(values, percent) == expected


def delays(**contenders: float) -> dict[str, dict[str, float]]:
    names = {"filter": FILTER, "noop": NOOP, "envoy": ENVOY}
    return {names[name]: {"event_delay_p50_ms": delay} for name, delay in contenders.items()}


def test_delays_are_compared_with_those_of_the_same_round() -> None:
    found = delays(filter=0.7, noop=0.5, envoy=0.1)
    compared = streams.compared(FILTER, found)
    assert compared.pop("added_event_delay_p50_ms") == pytest.approx(0.6)
    assert compared == {"delay_share": pytest.approx(0.5)}
    assert streams.compared(NOOP, found) == {"added_event_delay_p50_ms": pytest.approx(0.4)}
    assert streams.compared(ENVOY, found) == {}


def test_what_was_not_measured_is_not_compared() -> None:
    assert streams.compared(FILTER, delays(filter=0.7, noop=0.5)) == {}
    alone = streams.compared(FILTER, delays(filter=0.7, envoy=0.1))
    assert alone == {"added_event_delay_p50_ms": pytest.approx(0.6)}
    assert streams.compared(FILTER, {FILTER: {"events_per_s": 1.0}, ENVOY: {}}) == {}


def test_growth_counts_from_the_first_quarter() -> None:
    sizes = memory.over_time([40.0, 50.0, 51.0, 50.5, 52.0])
    assert sizes["idle_rss_mb"] == 40.0
    assert [sizes[f"rss_{quarter}_mb"] for quarter in (1, 2, 3, 4)] == [50.0, 51.0, 50.5, 52.0]
    assert sizes["growth_mb"] == 2.0
    assert sizes.keys() <= METRICS.keys()


@pytest.mark.parametrize(
    ("cores", "number", "own", "rest"),
    [
        ([0], 1, [{0}], {0}),
        ([0, 1], 1, [{1}], {0}),
        ([0, 1], 2, [{1}, {0}], {0}),
        ([3, 0, 1, 2], 2, [{3}, {2}], {0, 1}),
    ],
)
def test_workers_get_their_own_cores_if_possible(
    cores: list[int], number: int, own: list[set[int]], rest: set[int]
) -> None:
    assert workers.places(cores, number) == (own, rest)


def test_more_workers_than_cores_are_refused() -> None:
    with pytest.raises(BenchError, match="there are 1"):
        workers.places([0], 2)
