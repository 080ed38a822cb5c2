"""The samples as tables for people, and as JSON for whoever wants to know better."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from bench import samples as bodies
from bench.cases import ENVOY, FILTER, NOOP
from bench.measure import Plan, Sample

Row = Sequence[str]

_METRICS: dict[str, tuple[str, int]] = {
    "requests/s": ("rps", 0),
    "p50 ms": ("p50", 2),
    "p99 ms": ("p99", 2),
    "Python CPU us/request": ("python_cpu", 0),
    "Envoy CPU us/request": ("envoy_cpu", 0),
}
"""Columns: the attribute of a sample, and how many decimals are worth reading."""

_RATIOS = (
    ("Python CPU", "python_cpu", NOOP),
    ("requests/s", "rps", NOOP),
    ("p50", "p50", NOOP),
    ("p99", "p99", NOOP),
    ("requests/s", "rps", ENVOY),
    ("p50", "p50", ENVOY),
    ("Envoy CPU", "envoy_cpu", ENVOY),
)
"""What of the filter is divided by that of which case."""


def text(samples: Sequence[Sample], machine: dict[str, Any], plan: Plan) -> str:
    """Tables for a terminal."""
    return _render(samples, machine, plan, heading="{}", table=_aligned)


def markdown(samples: Sequence[Sample], machine: dict[str, Any], plan: Plan) -> str:
    """The same in Markdown."""
    return _render(samples, machine, plan, heading="### {}", table=_piped)


def document(samples: Sequence[Sample], machine: dict[str, Any], plan: Plan) -> str:
    """Everything in JSON: units are those of :class:`bench.measure.Sample`."""
    sizes = {
        "openai_request": len(bodies.OPENAI_REQUEST),
        "oip_request": len(bodies.OIP_REQUEST),
        "oip_response": len(bodies.OIP_RESPONSE),
    }
    whole = {
        "machine": machine,
        "plan": asdict(plan),
        "body_bytes": sizes,
        "samples": [asdict(sample) for sample in samples],
    }
    return json.dumps(whole, indent=1) + "\n"


def _render(
    samples: Sequence[Sample],
    machine: dict[str, Any],
    plan: Plan,
    *,
    heading: str,
    table: Callable[[Sequence[Row]], str],
) -> str:
    method = (
        f"A small chat completion ({len(bodies.OPENAI_REQUEST)} bytes), unary; everything shares "
        "the cores. Medians and lowest..highest; turns of each case: "
        f"{plan.rounds} of {plan.seconds} s."
    )
    blocks = [surroundings(machine), method]
    for connections in plan.connections:
        chosen = [sample for sample in samples if sample.connections == connections]
        plural = "" if connections == 1 else "s"
        blocks.append(heading.format(f"{connections} connection{plural}"))
        blocks.append(table([("", *_METRICS), *_measured(chosen)]))
        blocks.append(table([("filter divided by", "", "ratio"), *_divided(chosen)]))
    return "\n\n".join(blocks) + "\n"


def surroundings(machine: dict[str, Any]) -> str:
    """Where something was measured, in a sentence."""
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores; Linux {machine['kernel']}, "
        f"Python {machine['python']}, Envoy {machine['envoy']}, {packages}; "
        f"{machine['revision']}, {machine['date'][:10]}."
    )


def _measured(samples: Sequence[Sample]) -> Iterable[Row]:
    for case in (FILTER, NOOP, ENVOY):
        rows = [sample for sample in samples if sample.case == case]
        yield (
            case,
            *(
                _spread([getattr(row, attribute) for row in rows], decimals)
                for attribute, decimals in _METRICS.values()
            ),
        )


def _divided(samples: Sequence[Sample]) -> Iterable[Row]:
    # Round by round, because two turns of one round have more in common than two medians.
    turns = {(sample.case, sample.round): sample for sample in samples}
    rounds = sorted({sample.round for sample in samples})
    for name, attribute, base in _RATIOS:
        pairs = [
            (getattr(turns[FILTER, number], attribute), getattr(turns[base, number], attribute))
            for number in rounds
        ]
        yield base, name, _spread([ours / theirs for ours, theirs in pairs if theirs], 2)


def _spread(values: Sequence[float | None], decimals: int) -> str:
    numbers = [value for value in values if value is not None]
    if not numbers:
        return "-"
    middle = f"{median(numbers):.{decimals}f}"
    if len(numbers) == 1:
        return middle
    return f"{middle} ({min(numbers):.{decimals}f}..{max(numbers):.{decimals}f})"


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
