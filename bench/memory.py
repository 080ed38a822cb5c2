"""The memory of the translator: for a large body, for many open streams, and in a long run.

The no-op server shows the part of gRPC.

- A large body: the peak above the idle process, in multiples of the body.
- Open streams, each of which has had one event: memory per stream.
- A long run: the resident set after each quarter of many requests or events. A leak shows as growth
  after the first quarter. grpc.aio (1.85) itself keeps about 120 bytes of each exchange, probably
  because Envoy ends it with a reset: https://github.com/grpc/grpc/issues/43360.

There is always one round, because memory hardly differs between turns.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench import bodies, cases, client, load, rss
from bench.contenders import FILTER, FILTER_GRPCIO, FILTERS, NOOP
from bench.exchange import Exchange
from bench.plan import Plan
from bench.results import BenchError, Progress, Result
from bench.scenarios import Scenario
from bench.streaming import gateways
from bench.streaming.gateways import Gateway
from bench.streaming.load import opened

NAME = "memory"

OPEN = 1000
LONG: Sequence[tuple[int, Sequence[str]]] = (
    (1_000_000, (FILTER,)),
    (200_000, (FILTER_GRPCIO, NOOP)),
)
"""The numbers of requests and of events of a long run, by contender; slow contenders get fewer."""

_QUARTERS = (1, 2, 3, 4)
_CONNECTIONS = 16
_STREAMS = 256
_INTERVAL = 0.04  # seconds
_FOREVER = 3600.0  # seconds to the next event of a stream that waits
_LOOK = 0.05  # seconds


class _Part(NamedTuple):
    """A scenario, its contenders, and the function that measures one of them in new processes."""

    scenario: str
    contenders: Sequence[str]
    turn: Callable[[str, Path], dict[str, float]]


def measure(plan: Plan, folder: Path, progress: Progress) -> Iterator[Result]:
    """See :class:`bench.results.Suite`."""
    for scenario, contenders, turn in _parts(plan):
        for contender in contenders:
            if plan.has_scenario(scenario) and plan.has_contender(contender):
                progress(f"{scenario}: {contender}")
                yield Result(NAME, scenario, contender, 1, turn(contender, folder))


def _parts(plan: Plan) -> Iterator[_Part]:
    measured = [*FILTERS, NOOP]
    asked = partial(_large, lambda: bodies.image_chat(10), lambda one: one.openai_request)
    yield _Part("a request of 10 MB, an image", measured, asked)
    answered = partial(_large, lambda: bodies.embeddings(304, 1536), lambda one: one.oip_response)
    yield _Part("an answer of 10 MB, embeddings", measured, answered)
    streams = max(20, round(OPEN * plan.share))
    yield _Part(f"{streams:,} open streams", measured, partial(_open, streams))
    long = [(round(count * plan.share), contenders) for count, contenders in LONG]
    for count, contenders in long:
        yield _Part(f"{count:,} requests", contenders, partial(_requests, count, plan.seconds))
    for count, contenders in long:
        yield _Part(f"{count:,} events", contenders, partial(_events, count))


def _large(
    make: Callable[[], Exchange],
    body: Callable[[Exchange], bytes],
    contender: str,
    folder: Path,
) -> dict[str, float]:
    large = make()
    scenario = Scenario("", lambda: [bodies.small_chat(), large], connections=1)
    with cases.running(scenario, [contender], folder) as (case,):
        assert case.python is not None  # noqa: S101 -- these contenders have one
        small, (request, good) = case.questions
        client.ask(case.port, small.request)
        rss.reset_peak(case.python)
        idle = rss.now(case.python)
        if not good(client.ask(case.port, request)):
            raise BenchError(f"{contender}: a large body was not translated as it should be")
        peak = rss.peak(case.python)
    multiple = (peak - idle) * rss.MEGABYTE / len(body(large))
    return {"idle_rss_mb": idle, "peak_rss_mb": peak, "body_multiple": multiple}


def _open(streams: int, contender: str, folder: Path) -> dict[str, float]:
    with gateways.running([contender], folder) as (gateway,):
        return asyncio.run(_opened(gateway, streams))


async def _opened(gateway: Gateway, streams: int) -> dict[str, float]:
    pids = {"python": gateway.python, "envoy": gateway.envoy}
    # The first streams allocate memory that all streams share.
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
                    case.port,
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
                    while passing.received < count * quarter / 4:  # noqa: ASYNC110 -- a measurement may poll
                        await asyncio.sleep(_LOOK)
                    found.append(rss.now(gateway.python))
    except TimeoutError as error:
        raise BenchError(f"{count} events take far more than {usual:.0f} s") from error
    return over_time(found)


def over_time(sizes: Sequence[float]) -> dict[str, float]:
    """The metrics of a long run.

    Args:
        sizes: megabytes at the start and after each quarter.
    """
    idle, *quarters = sizes
    after = {f"rss_{number}_mb": size for number, size in enumerate(quarters, 1)}
    return {"idle_rss_mb": idle, **after, "growth_mb": quarters[-1] - quarters[0]}
