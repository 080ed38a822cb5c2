"""Results in the documents: JSON, pictures, and tables between the marks of docs/performance.md."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import report
from bench.plan import Plan
from bench.report import Measured
from bench.results import METRICS, Result

RESULTS = "results.json"
_PICTURES = {
    "unary": ("python_cpu_us", "p50_ms", "per_cpu_s"),
    "streams": ("python_event_us", "event_delay_p50_ms", "ttft_ms"),
    "translation": ("call_us",),
}
"""The metrics of each suite that are drawn."""


def write(measured: Measured, machine: Mapping[str, Any], plan: Plan, folder: Path) -> None:
    """Write what was measured; suites that were not stay as they are.

    Args:
        measured: the results of each suite.
        machine: where.
        plan: how much.
        folder: takes ``results.json`` and pictures. Beside it is a document of its name, whose
            text between ``<!-- suite -->`` and ``<!-- /suite -->`` is replaced.
    """
    folder.mkdir(exist_ok=True)
    file = folder / RESULTS
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(report.dump({**known, **report.document(measured, machine, plan)}))
    page = folder.with_suffix(".md")
    text = page.read_text()
    for suite, results in measured.items():
        pictures = [*_pictures(suite, results, folder)]
        figures = report.section(results, machine, plan)
        if pictures:  # which say enough for most; Markdown in HTML stands between empty lines
            figures = f"<details><summary>All figures</summary>\n\n{figures}\n</details>\n"
        text = between(text, suite, "\n".join([*pictures, figures]))
    page.write_text(text)


def _pictures(suite: str, results: Sequence[Result], folder: Path) -> Iterator[str]:
    """Draw what there is to draw; give a line for each picture."""
    for metric in _PICTURES.get(suite, ()):
        if any(metric in result.metrics for result in results):
            from bench import plots  # noqa: PLC0415 -- matplotlib takes a second to load

            picture = folder / f"{suite}-{metric}.svg"
            plots.draw(results, metric, picture)
            yield f"![{METRICS[metric].title}]({folder.name}/{picture.name})\n"


def between(text: str, mark: str, content: str) -> str:
    """Put something between two marks, in place of what is there; without them, change nothing."""
    marks = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    pattern = re.compile(f"({marks[0]}\n).*?({marks[1]})", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}\n{content}\n{found[2]}", text)
