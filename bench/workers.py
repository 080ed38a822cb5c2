"""The effect of a second worker: small chats, 32 connections, a gateway for each number.

A Python process uses one core, so a second worker needs a core that nothing else uses. Processes
are therefore pinned: each worker gets its own core, beginning with the last, and Envoy, the model
server and the load get the remaining cores, or share the first with the last worker if none
remains.

On two cores the result is limited: one worker has one core, all other processes have the other, and
the busier core is the limit. A second worker then competes with the other processes, so requests/s
cannot double, as they can from four cores on. Meaningful on every machine are the CPU per request,
which must not grow much, and the balance: requests of the least busy worker, divided by those of
the busiest.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import bodies, client, cpu, fleet, load, servers
from bench.contenders import FILTERS, WORKERS
from bench.load import Request, Run
from bench.plan import Plan
from bench.results import BenchError, Progress, Result
from demo import stack

NAME = "workers"

CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Workers:
    """Workers behind an Envoy.

    Attributes:
        port: the loopback port for requests.
        envoy: process id of Envoy.
        python: process id of the translator; with several workers, of the supervisor.
        pids: process ids of the workers.
    """

    port: int
    envoy: int
    python: int
    pids: Sequence[int]


def measure(plan: Plan, folder: Path, progress: Progress) -> Iterator[Result]:
    """See :class:`bench.results.Suite`."""
    for variant, options in FILTERS.items():
        scenario = f"chat 200 B, {CONNECTIONS} connections: {variant}"
        if plan.has_contender(variant) and plan.has_scenario(scenario):
            progress(f"{scenario}: starting")
            yield from _measure(scenario, options, plan, folder, progress)


def _measure(
    scenario: str, options: Sequence[str], plan: Plan, folder: Path, progress: Progress
) -> Iterator[Result]:
    chat = bodies.small_chat()
    http = stack.free_port()
    with ExitStack() as started:
        answers = {chat.oip_path: chat.oip_response}
        models = started.enter_context(servers.model_server(http, answers, folder))
        running = {
            name: _start(count, http, options, folder, started) for name, count in WORKERS.items()
        }
        for workers in running.values() if plan.warm_up else ():
            with _apart(workers, models.pid):
                _load(workers, plan.warm_up, folder)
        for number in range(1, plan.rounds + 1):
            for name, workers in running.items():
                progress(f"round {number} of {plan.rounds}: {name}")
                with _apart(workers, models.pid):
                    metrics = _turn(workers, plan.seconds, folder)
                yield Result(NAME, scenario, name, number, metrics)


def _start(
    count: int, http: int, options: Sequence[str], folder: Path, started: ExitStack
) -> Workers:
    translator = started.enter_context(fleet.started(count, folder, *options))
    translator.wait()
    port = stack.free_port()
    config = stack.gateway_config(
        port=port, admin=stack.free_port(), http=http, grpc=http, translators=translator.ports
    )
    envoy = started.enter_context(servers.envoy(f"workers-{count}", config, folder))
    return Workers(port, envoy.pid, translator.pid, translator.workers())


def _turn(workers: Workers, seconds: int, folder: Path) -> dict[str, float]:
    pids = [workers.envoy, workers.python, *workers.pids]
    before = [*map(cpu.seconds, pids)]
    run = _load(workers, seconds, folder)
    envoy, python, *each = (
        now - then for now, then in zip(map(cpu.seconds, pids), before, strict=True)
    )
    metrics = {
        "rps": run.requests / run.seconds,
        "p50_ms": run.p50 * 1e3,
        "p99_ms": run.p99 * 1e3,
        "python_cpu_us": python / run.requests * 1e6,
        "envoy_cpu_us": envoy / run.requests * 1e6,
        "per_cpu_s": run.requests / (python + envoy),
    }
    if len(each) > 1:
        metrics["balance"] = min(each) / max(each)
    return metrics


def _load(workers: Workers, seconds: int, folder: Path) -> Run:
    chat = bodies.small_chat()
    requests = [Request(chat.openai_path, chat.openai_request)]
    if not load.installed():
        return client.post(workers.port, requests, connections=CONNECTIONS, seconds=seconds)
    return load.wrk(workers.port, requests, connections=CONNECTIONS, seconds=seconds, folder=folder)


def places(cores: Collection[int], workers: int) -> tuple[list[set[int]], set[int]]:
    """The cores of each worker, and of all other processes: see the module's docstring.

    Raises:
        BenchError: there are fewer cores than workers.
    """
    in_order = sorted(cores)
    if workers > len(in_order):
        raise BenchError(f"{workers} workers need as many cores, and there are {len(in_order)}")
    own = in_order[-workers:][::-1]
    return [{core} for core in own], set(in_order[:-workers] or in_order[:1])


@contextmanager
def _apart(workers: Workers, models: int) -> Iterator[None]:
    """Pin the processes to their cores, and this one with the load that it starts."""
    cores = os.sched_getaffinity(0)
    own, rest = places(cores, len(workers.pids))
    for pid, core in zip(workers.pids, own, strict=True):
        _pin(pid, core)
    for pid in (workers.envoy, models, os.getpid()):
        _pin(pid, rest)
    try:
        yield
    finally:
        for pid in (models, os.getpid()):
            _pin(pid, cores)


def _pin(pid: int, cores: Collection[int]) -> None:
    # The call affects one thread; threads that it starts later inherit its cores.
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)
