"""The cost of streams: CPU per event, delay of events, time to the first event.

Streams of 25 events per second each, like a model's tokens, and one stream without pauses, limited
by backpressure. CPU is measured after the last stream was opened, so it is that of events only.
Without pauses ("flat out") a message has about a hundred events, and delays are meaningless.

The load is one process (:mod:`bench.streaming`), both model server and clients. Its share of a core
is measured (``load_share``), because a busy load would distort delays: 0.2 to 0.3 at 6,400 events
per second. Flat out it is 0.1 for the filter, and 0.4 to 1.0 for the others, whose events per
second it may limit.

Targets, relative to the no-op server on grpc.aio: at most 1.25 of its CPU per event, and at most
0.3 of the delay that it adds to Envoy's own (by medians, ``delay_share``).
"""

import asyncio
import math
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.contenders import ENVOY, FILTERS, NOOP
from bench.plan import Plan
from bench.results import Progress, Result
from bench.streaming import gateways
from bench.streaming.gateways import Gateway
from bench.streaming.load import Load, opened

NAME = "streams"

_INTERVAL = 1 / 25  # seconds


@dataclass(frozen=True, slots=True)
class Scenario:
    """A number of streams, and the interval of their events in seconds; None for no pause."""

    name: str
    streams: int
    interval: float | None
    main: bool


SCENARIOS = (
    Scenario("16 streams, 25 events/s each", 16, _INTERVAL, main=False),
    Scenario("64 streams, 25 events/s each", 64, _INTERVAL, main=True),
    Scenario("256 streams, 25 events/s each", 256, _INTERVAL, main=False),
    Scenario("1 stream, flat out", 1, None, main=True),
)


def measure(plan: Plan, folder: Path, progress: Progress) -> Iterator[Result]:
    """Measure each contender in each scenario. See :class:`~bench.results.Suite`."""
    scenarios = [each for each in SCENARIOS if plan.has_scenario(each.name, main=each.main)]
    contenders = [name for name in gateways.CONTENDERS if plan.has_contender(name)]
    if not scenarios or not contenders:
        return
    with gateways.running(contenders, folder) as running:
        for gateway in running:
            progress(f"warming up: {gateway.contender}")
            asyncio.run(_warm_up(gateway, plan.warm_up))
        for number in range(1, plan.rounds + 1):
            # Each round begins with another contender, so that their order varies.
            start = number % len(running)
            for scenario in scenarios:
                found = {}
                for gateway in (*running[start:], *running[:start]):
                    progress(f"round {number}, {scenario.name}: {gateway.contender}")
                    found[gateway.contender] = asyncio.run(_turn(gateway, scenario, plan.seconds))
                for contender, metrics in found.items():
                    more = compared(contender, found)
                    yield Result(NAME, scenario.name, contender, number, {**metrics, **more})


async def _warm_up(gateway: Gateway, seconds: float) -> None:
    async with opened(gateway.target, streams=16, interval=_INTERVAL):
        await asyncio.sleep(seconds)


async def _turn(gateway: Gateway, scenario: Scenario, seconds: float) -> Mapping[str, float]:
    async with opened(gateway.target, streams=scenario.streams, interval=scenario.interval) as load:
        had, before = load.received, _cpu(gateway)
        since = time.monotonic()
        await asyncio.sleep(seconds)
        until = time.monotonic()
        after, has = _cpu(gateway), load.received
    events, took = has - had, until - since
    spent = {name: after[name] - before[name] for name in after}
    metrics = {
        "events_per_s": events / took,
        "load_share": spent.pop("load") / took,
        **{f"{name}_event_us": cpu / events * 1e6 for name, cpu in spent.items()},
    }
    if scenario.interval is not None:
        metrics |= _times(load, since, until, scenario.interval)
    return metrics


def _cpu(gateway: Gateway) -> dict[str, float]:
    """CPU seconds so far, of all threads, with a finer resolution than /proc for short turns."""
    pids = {"envoy": gateway.envoy, "python": gateway.python}
    # The number of a process's clock in Linux: see clock_getcpuclockid(3) and its source.
    clocks = {name: (~pid << 3) | 2 for name, pid in pids.items() if pid is not None}
    spent = {name: time.clock_gettime(clock) for name, clock in clocks.items()}
    return {**spent, "load": time.process_time()}


def _times(load: Load, since: float, until: float, interval: float) -> dict[str, float]:
    delays = load.delays(since, until)
    late = [abs(gap - interval) for gap in load.gaps(since, until)]
    return {
        "ttft_ms": percentile(load.first_events(), 50) * 1e3,
        "event_delay_p50_ms": percentile(delays, 50) * 1e3,
        "event_delay_p99_ms": percentile(delays, 99) * 1e3,
        "jitter_p99_ms": percentile(late, 99) * 1e3,
    }


def percentile(values: Collection[float], percent: float) -> float:
    """A percentile by nearest rank."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def compared(contender: str, found: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The delay of events that a contender adds, compared with others in the same round.

    Args:
        contender: the contender.
        found: the metrics of each contender.

    Returns:
        ``added_event_delay_p50_ms``, the delay minus that of Envoy alone; for the filter also
        ``delay_share``: (filter - no-op) / (no-op - Envoy alone).
    """
    delay = {
        name: metrics["event_delay_p50_ms"]
        for name, metrics in found.items()
        if "event_delay_p50_ms" in metrics
    }
    if contender == ENVOY or not {contender, ENVOY} <= delay.keys():
        return {}
    more = {"added_event_delay_p50_ms": delay[contender] - delay[ENVOY]}
    if contender in FILTERS and NOOP in delay:
        more["delay_share"] = (delay[contender] - delay[NOOP]) / (delay[NOOP] - delay[ENVOY])
    return more
