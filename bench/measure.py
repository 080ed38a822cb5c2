"""The method: rounds in which every case gets its turn, so that all share the machine's moods."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import cpu, load
from bench.cases import Case


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure.

    Attributes:
        rounds: how often each case gets its turn at each number of connections.
        seconds: length of one turn.
        connections: how many are open at once; each of these is measured on its own.
        warm_up: seconds of load before the first round, for each case.
    """

    rounds: int = 5
    seconds: int = 4
    connections: tuple[int, ...] = (16, 1)
    warm_up: int = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """One turn of one case.

    Attributes:
        case: its name.
        connections: open at once.
        round: counted from 1.
        requests: how many were answered, all of them well.
        rps: requests per second.
        p50: median latency in milliseconds.
        p99: latency in milliseconds that one request in a hundred exceeds.
        python_cpu: microseconds of CPU per request in the server behind ext_proc; None without one.
        envoy_cpu: microseconds of CPU per request in the gateway's Envoy.
    """

    case: str
    connections: int
    round: int
    requests: int
    rps: float
    p50: float
    p99: float
    python_cpu: float | None
    envoy_cpu: float


def measure(
    cases: Sequence[Case], plan: Plan, folder: Path, progress: Callable[[str], None]
) -> Iterator[Sample]:
    """Warm every case up, then go round.

    Args:
        cases: those of :func:`bench.cases.running`.
        plan: how much.
        folder: for the files of wrk.
        progress: takes a few words before each step.

    Raises:
        LoadError: a request failed, in whichever case.
    """
    for case in cases:
        progress(f"warming up: {case.name}")
        load.post(
            case.url,
            case.body,
            connections=max(plan.connections),
            seconds=plan.warm_up,
            folder=folder,
        )
    for number in range(1, plan.rounds + 1):
        # Another case begins each round, so that none is always the one after the same other.
        start = number % len(cases)
        for connections in plan.connections:
            for case in (*cases[start:], *cases[:start]):
                progress(f"round {number} of {plan.rounds}, {connections} conn.: {case.name}")
                yield _turn(case, connections, number, plan.seconds, folder)


def _turn(case: Case, connections: int, number: int, seconds: int, folder: Path) -> Sample:
    envoy = cpu.seconds(case.envoy)
    python = None if case.python is None else cpu.seconds(case.python)
    run = load.post(case.url, case.body, connections=connections, seconds=seconds, folder=folder)
    micro = 1e6 / run.requests
    return Sample(
        case=case.name,
        connections=connections,
        round=number,
        requests=run.requests,
        rps=run.requests / run.seconds,
        p50=run.p50 * 1e3,
        p99=run.p99 * 1e3,
        python_cpu=(
            None
            if case.python is None or python is None
            else (cpu.seconds(case.python) - python) * micro
        ),
        envoy_cpu=(cpu.seconds(case.envoy) - envoy) * micro,
    )
