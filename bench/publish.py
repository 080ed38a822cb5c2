"""Results for the documents: JSON, and the plots in docs/performance.md."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import report
from bench.plan import Plan
from bench.report import Measured

RESULTS = "results.json"
PICTURES = {
    "unary": ("python_cpu_us", "p50_ms", "per_cpu_s"),
    "streams": ("python_event_us", "event_delay_p50_ms", "ttft_ms"),
    "translation": ("call_us",),
}
"""The metrics of each suite that are drawn."""


def write(measured: Measured, machine: Mapping[str, Any], plan: Plan, folder: Path) -> None:
    """Write the results. Suites that were not measured keep theirs.

    Args:
        measured: the results of each suite.
        machine: the description of the machine.
        plan: the plan of the measurement.
        folder: for ``results.json`` and the plots.
    """
    folder.mkdir(exist_ok=True)
    file = folder / RESULTS
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(report.dump({**known, **report.document(measured, machine, plan)}))
    for suite, results in measured.items():
        for metric in PICTURES.get(suite, ()):
            if any(metric in result.metrics for result in results):
                from bench import plots  # noqa: PLC0415 -- matplotlib takes a second to load

                plots.draw(results, metric, folder / picture(suite, metric))


def picture(suite: str, metric: str) -> str:
    """The name of a plot's file."""
    return f"{suite}-{metric}.svg"
