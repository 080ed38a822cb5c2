"""What the translator has in memory: at its largest body, with many open streams, and after long.

The no-op server shows what of it would be gRPC's.

- A large body: the peak over the idle process, in bodies.
- Open streams, each of which has had an event and waits for the next: what each of them takes.
- Long: the resident set after each quarter of many requests or events. What is held for good shows
  as growth after the first quarter. grpc.aio (1.85) itself keeps some 125 bytes of each exchange,
  because Envoy ends it with a reset: https://github.com/grpc/grpc/issues/43360.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench import bodies, cases, client, load, rss
from bench.contenders import FILTERS, NOOP
from bench.exchange import Exchange
from bench.plan import Plan
from bench.results import BenchError, Progress, Result
from bench.scenarios import Scenario
from bench.streaming import gateways
from bench.streaming.gateways import Gateway
from bench.streaming.load import opened

NAME = "memory"

REQUESTS = 200_000
EVENTS = 1_000_000
OPEN = 1000

_QUARTERS = (1, 2, 3, 4)
_CONNECTIONS = 16
_STREAMS = 256
_INTERVAL = 0.04  # seconds
_FOREVER = 3600.0  # seconds to the next event of a stream that waits
_LOOK = 0.05  # seconds


class _Part(NamedTuple):
    """A scenario, who is in it, and how one of them is measured, in processes of its own."""

    scenario: str
    contenders: Sequence[str]
    turn: Callable[[str, Path], dict[str, float]]


def measure(plan: Plan, folder: Path, progress: Progress) -> Iterator[Result]:
    """See :class:`bench.results.Suite`."""
    for number in range(1, plan.rounds + 1):
        for scenario, contenders, turn in _parts(plan):
            for contender in contenders:
                if plan.has_scenario(scenario) and plan.has_contender(contender):
                    progress(f"round {number} of {plan.rounds}, {scenario}: {contender}")
                    yield Result(NAME, scenario, contender, number, turn(contender, folder))


def _parts(plan: Plan) -> Iterator[_Part]:
    both = [*FILTERS, NOOP]
    asked = partial(_large, lambda: bodies.image_chat(10), "openai_request")
    yield _Part("a request of 10 MB, an image", both, asked)
    answered = partial(_large, lambda: bodies.embeddings(304, 1536), "oip_response")
    yield _Part("an answer of 10 MB, embeddings", both, answered)
    streams = max(20, round(OPEN * plan.share))
    yield _Part(f"{streams:,} open streams", both, partial(_open, streams))
    requests = round(REQUESTS * plan.share)
    yield _Part(f"{requests:,} requests", both, partial(_requests, requests, plan.seconds))
    events = round(EVENTS * plan.share)
    yield _Part(f"{events:,} events", both, partial(_events, events))


def _large(
    make: Callable[[], Exchange], body: str, contender: str, folder: Path
) -> dict[str, float]:
    large = make()
    scenario = Scenario("", lambda: [bodies.small_chat(), large], connections=1)
    with cases.running(scenario, [contender], folder) as (case,):
        assert case.python is not None  # noqa: S101 -- these contenders have one
        small, (request, good) = case.questions
        client.ask(case.target, small.request)
        rss.reset_peak(case.python)
        idle = rss.now(case.python)
        if not good(client.ask(case.target, request)):
            raise BenchError(f"{contender}: a large body was not translated as it should be")
        peak = rss.peak(case.python)
    multiple = (peak - idle) * rss.MEGABYTE / len(getattr(large, body))
    return {"idle_rss_mb": idle, "peak_rss_mb": peak, "body_multiple": multiple}


def _open(streams: int, contender: str, folder: Path) -> dict[str, float]:
    with gateways.running([contender], folder) as (gateway,):
        return asyncio.run(_opened(gateway, streams))


async def _opened(gateway: Gateway, streams: int) -> dict[str, float]:
    pids = {"python": gateway.python, "envoy": gateway.envoy}
    # What the first streams ever take, they take for all.
    async with opened(gateway.target, streams=4, interval=_FOREVER):
        pass
    before = {name: rss.now(pid) for name, pid in pids.items() if pid is not None}
    async with opened(gateway.target, streams=streams, interval=_FOREVER):
        after = {name: rss.now(pid) for name, pid in pids.items() if pid is not None}
    kilobytes = rss.MEGABYTE / 1000 / streams
    return {f"{name}_stream_kb": (after[name] - before[name]) * kilobytes for name in after}


def _requests(count: int, seconds: int, contender: str, folder: Path) -> dict[str, float]:
    scenario = Scenario("", lambda: [bodies.small_chat()], _CONNECTIONS)
    with cases.running(scenario, [contender], folder) as (case,):
        assert case.python is not None  # noqa: S101 -- these contenders have one
        requests = [question.request for question in case.questions]
        done, found = 0, [rss.now(case.python)]
        for quarter in _QUARTERS:
            while done < count * quarter / 4:
                done += load.wrk(
                    case.target,
                    requests,
                    connections=_CONNECTIONS,
                    seconds=seconds,
                    folder=folder,
                ).requests
            found.append(rss.now(case.python))
    return over_time(found)


def _events(count: int, contender: str, folder: Path) -> dict[str, float]:
    with gateways.running([contender], folder) as (gateway,):
        return asyncio.run(_passed(gateway, count))


async def _passed(gateway: Gateway, count: int) -> dict[str, float]:
    assert gateway.python is not None  # noqa: S101 -- these contenders have one
    found = [rss.now(gateway.python)]
    usual = count * _INTERVAL / _STREAMS
    try:
        async with opened(gateway.target, streams=_STREAMS, interval=_INTERVAL) as passing:
            async with asyncio.timeout(60 + 5 * usual):
                for quarter in _QUARTERS:
                    while passing.received < count * quarter / 4:  # noqa: ASYNC110 -- a measurement may look now and then
                        await asyncio.sleep(_LOOK)
                    found.append(rss.now(gateway.python))
    except TimeoutError as error:
        raise BenchError(f"{count} events take far more than {usual:.0f} s") from error
    return over_time(found)


def over_time(sizes: Sequence[float]) -> dict[str, float]:
    """The metrics of something long.

    Args:
        sizes: megabytes at the start and after each quarter.
    """
    idle, *quarters = sizes
    after = {f"rss_{number}_mb": size for number, size in enumerate(quarters, 1)}
    return {"idle_rss_mb": idle, **after, "growth_mb": quarters[-1] - quarters[0]}
