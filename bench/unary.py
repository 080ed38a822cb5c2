"""Requests with whole responses: the scenarios of :mod:`bench.scenarios`.

Every contender is measured in every round, so that changes of the machine affect all.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from bench import cases, client, cpu, load, rss
from bench.cases import Case
from bench.contenders import ENVOY, NO_FILTER
from bench.plan import Plan
from bench.results import Progress, Result
from bench.scenarios import SCENARIOS, Scenario

NAME = "unary"

_ENOUGH_FOR_P99 = 100


def measure(plan: Plan, folder: Path, progress: Progress) -> Iterator[Result]:
    """See :class:`bench.results.Suite`."""
    for scenario in SCENARIOS:
        if plan.has_scenario(scenario.name, main=scenario.main):
            yield from _measure(scenario, plan, folder, progress)


def _measure(scenario: Scenario, plan: Plan, folder: Path, progress: Progress) -> Iterator[Result]:
    names = [name for name in cases.available(scenario) if plan.has_contender(name)]
    if not names:
        return
    progress(f"{scenario.name}: starting")
    with cases.running(scenario, names, folder) as running:
        for case in running:
            progress(f"{scenario.name}: warming up: {case.contender}")
            case.verify()
            _load(case, scenario, plan.warm_up, folder)
        for number in range(1, plan.rounds + 1):
            # Each round begins with another contender, so that their order varies.
            start = number % len(running)
            found = {}
            for case in (*running[start:], *running[:start]):
                progress(f"{scenario.name}: round {number} of {plan.rounds}: {case.contender}")
                found[case.contender] = _turn(case, scenario, plan.seconds, folder)
            for contender, metrics in found.items():
                more = added(contender, found)
                yield Result(NAME, scenario.name, contender, number, {**metrics, **more})
        for case in running:
            case.verify()  # nothing has broken during the measurement


def added(contender: str, found: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """``added_p50_ms``: the latency of a contender minus that of Envoy alone, in one round.

    Args:
        contender: the contender.
        found: the metrics of each contender.
    """
    if contender in {ENVOY, NO_FILTER} or ENVOY not in found:
        return {}
    return {"added_p50_ms": found[contender]["p50_ms"] - found[ENVOY]["p50_ms"]}


def _turn(case: Case, scenario: Scenario, seconds: int, folder: Path) -> dict[str, float]:
    if case.python is not None:
        rss.reset_peak(case.python)
    before = _cpu(case)
    run = _load(case, scenario, seconds, folder)
    used = {name: (after - before[name]) / run.requests * 1e6 for name, after in _cpu(case).items()}
    metrics = {"rps": run.requests / run.seconds, "p50_ms": run.p50 * 1e3, **used}
    if run.requests >= _ENOUGH_FOR_P99:
        metrics["p99_ms"] = run.p99 * 1e3
    if sum(used.values()):
        metrics["per_cpu_s"] = 1e6 / sum(used.values())
    if case.python is not None:
        metrics["peak_rss_mb"] = rss.peak(case.python)
    return metrics


def _cpu(case: Case) -> dict[str, float]:
    pids = {"python_cpu_us": case.python, "envoy_cpu_us": case.envoy}
    return {name: cpu.seconds(pid) for name, pid in pids.items() if pid is not None}


def _load(case: Case, scenario: Scenario, seconds: int, folder: Path) -> load.Run:
    requests = [question.request for question in case.questions]
    connections = scenario.connections
    if scenario.large or not load.installed():
        return client.post(case.port, requests, connections=connections, seconds=seconds)
    return load.wrk(case.port, requests, connections=connections, seconds=seconds, folder=folder)
