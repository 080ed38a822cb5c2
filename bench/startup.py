"""The time until a translator serves, and its memory then.

Targets: 0.6 s from the start of the process until its health is SERVING, and 60 MB for a worker.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import fleet, rss
from bench.contenders import FILTERS, WORKERS
from bench.plan import Plan
from bench.results import Progress, Result
from demo import stack

NAME = "startup"

IMPORT = "import"

# The imports of a worker, without the libraries of its transport and without the start of Python.
_IMPORT = """\
import time
began = time.perf_counter()
import translator.cli, translator.serving.server
print(time.perf_counter() - began)
"""


def measure(plan: Plan, folder: Path, progress: Progress) -> Iterator[Result]:
    """See :class:`bench.results.Suite`."""
    variants = [name for name in FILTERS if plan.has_contender(name)]
    if variants:
        _import()  # so that all files are compiled and in the page cache
    for number in range(1, plan.rounds + 1):
        for variant in variants:
            progress(f"start-up: round {number} of {plan.rounds}: {variant}")
            if plan.has_scenario(IMPORT):
                yield Result(NAME, IMPORT, variant, number, {"import_s": _import()})
            for scenario, workers in WORKERS.items():
                if plan.has_scenario(scenario):
                    metrics = _start(variant, workers, folder)
                    yield Result(NAME, scenario, variant, number, metrics)


def _import() -> float:
    argv = [sys.executable, "-c", _IMPORT]
    found = subprocess.run(argv, cwd=stack.ROOT, capture_output=True, text=True, check=True)  # noqa: S603 -- ours
    return float(found.stdout)


def _start(variant: str, workers: int, folder: Path) -> dict[str, float]:
    began = time.monotonic()
    with fleet.started(workers, folder, *FILTERS[variant]) as running:
        running.wait()
        took = time.monotonic() - began
        sizes = [*map(rss.now, running.workers())]
        metrics = {"ready_s": took, "rss_mb": sum(sizes) / len(sizes)}
        if workers > 1:
            metrics["supervisor_rss_mb"] = rss.now(running.pid)
    return metrics
