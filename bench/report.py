"""Results as tables and as JSON."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench import compare
from bench.compare import Table
from bench.plan import Plan
from bench.results import METRICS, Result

Row = Sequence[str]
Measured = Mapping[str, Sequence[Result]]
"""The results of each suite, by its name."""


def text(measured: Measured, machine: Mapping[str, Any], plan: Plan) -> str:
    """Tables for a terminal."""
    blocks = [surroundings(machine)]
    for suite, results in measured.items():
        blocks += [suite, method(plan, results), *_tables(results, _aligned)]
    return "\n\n".join(blocks) + "\n"


def markdown(measured: Measured, machine: Mapping[str, Any], plan: Plan) -> str:
    """The same in Markdown."""
    blocks = [surroundings(machine)]
    for suite, results in measured.items():
        blocks += [f"### {suite}", method(plan, results), *_tables(results, _piped)]
    return "\n\n".join(blocks) + "\n"


def document(measured: Measured, machine: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """All results, with machine and method of each suite; the units are in ``metrics``."""
    about = {"machine": dict(machine), "plan": asdict(plan)}
    return {
        suite: {
            **about,
            "metrics": {
                name: metric.title
                for name, metric in METRICS.items()
                if any(name in result.metrics for result in results)
            },
            "results": [
                {**asdict(result), "metrics": _rounded(result.metrics)} for result in results
            ],
        }
        for suite, results in measured.items()
    }


def read(document: Mapping[str, Any]) -> Iterator[tuple[Measured, Mapping[str, Any], Plan]]:
    """Each suite of a :func:`document`, with machine and plan."""
    for suite, found in document.items():
        results = [Result(**result) for result in found["results"]]
        yield {suite: results}, found["machine"], Plan(**found["plan"])


def _rounded(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.5g}") for name, value in metrics.items()}


def dump(document: Mapping[str, Any]) -> str:
    """A document as JSON."""
    return json.dumps(document, indent=1) + "\n"


def surroundings(machine: Mapping[str, Any]) -> str:
    """The machine, in a sentence."""
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores; Linux {machine['kernel']}, "
        f"Python {machine['python']}, Envoy {machine['envoy']}, {packages}; "
        f"{machine['revision']}, {machine['date'][:10]}."
    )


def method(plan: Plan, results: Sequence[Result]) -> str:
    """The method of a suite, in a sentence, with the actual number of rounds."""
    rounds = max(result.round for result in results)
    figures = "One round" if rounds == 1 else f"Medians (lowest..highest) of {rounds} rounds"
    return f"{figures}; turns of {plan.seconds} s, unless the suite counts calls."


def _tables(results: Sequence[Result], table: Callable[[Sequence[Row]], str]) -> list[str]:
    return [table(_rows(found)) for found in compare.tables(results)]


def _rows(table: Table) -> list[Row]:
    rows: list[Row] = [("", "", *table.columns)]
    previous = ""
    for scenario, metric, values in table.rows:
        shown = METRICS[metric]
        title, decimals = (shown.name, 2) if table.ratios else (shown.title, shown.decimals)
        cells = ["" if value is None else value.text(decimals) for value in values]
        rows.append(("" if scenario == previous else scenario, title, *cells))
        previous = scenario
    return rows


def _aligned(rows: Sequence[Row]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _piped(rows: Sequence[Row]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
