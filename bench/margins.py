"""The upper limits of ratios in the smoke test.

The limits are wide, because tests run on shared and slow machines, and turns are short: they catch
only large regressions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from bench import compare
from bench.contenders import FILTER, FILTER_GRPCIO, NOOP
from bench.plan import SMOKE, Plan
from bench.report import Measured
from bench.results import METRICS


class Margin(NamedTuple):
    """A ratio to the no-op server, and the limit of the lowest of its rounds.

    Attributes:
        suite: the suite that measures it.
        scenario: the scenario that measures it.
        contender: the contender.
        metric: the metric of the ratio.
        known: the value measured with wrk on two cores.
        limit: the maximum.
        reason: the reason for the limit.
    """

    suite: str
    scenario: str
    contender: str
    metric: str
    known: float
    limit: float
    reason: str


_CHAT, _EMBEDDINGS = "chat 200 B, 16 connections", "embeddings 64x1536, float"
_TWICE = "twice what is known"
MARGINS: Sequence[Margin] = (
    Margin("unary", _CHAT, FILTER, "python_cpu_us", 0.6, 1.2, _TWICE),
    Margin("unary", _CHAT, FILTER, "envoy_cpu_us", 0.8, 1.6, _TWICE),
    Margin("unary", _CHAT, FILTER_GRPCIO, "python_cpu_us", 2.8, 5.6, _TWICE),
    Margin("unary", "image 1 MB", FILTER, "python_cpu_us", 1.3, 5.0, "its floor is mostly copying"),
    # An object for each number would cost many times the CPU.
    Margin("unary", _EMBEDDINGS, FILTER, "python_cpu_us", 2.0, 8.0, "its floor is mostly copying"),
    Margin("unary", _EMBEDDINGS, FILTER, "peak_rss_mb", 0.6, 2.0, "a few copies, no more"),
)

_SCENARIOS = tuple(dict.fromkeys(margin.scenario for margin in MARGINS))
_CONTENDERS = (*dict.fromkeys(margin.contender for margin in MARGINS), NOOP)
SUITES = tuple(dict.fromkeys(margin.suite for margin in MARGINS))
PLAN: Plan = replace(SMOKE, scenarios=_SCENARIOS, contenders=_CONTENDERS)
"""The plan that measures all of them."""


def exceeded(measured: Measured) -> Iterator[str]:
    """A sentence for each limit that is exceeded or was not measured."""
    for margin in MARGINS:
        results = [
            result
            for result in measured.get(margin.suite, ())
            if result.scenario == margin.scenario
        ]
        turns = compare.by_turn(results, margin.metric)
        found = compare.ratio(turns, margin.contender, NOOP)
        name = METRICS[margin.metric].name
        what = f"{margin.scenario}: {name} of {margin.contender} / {NOOP}"
        if found is None:
            yield f"{what} was not measured."
        elif found.lowest > margin.limit:
            yield (
                f"{what} is {found.lowest:.2f}, and may be {margin.limit} "
                f"({margin.reason}; known: {margin.known})."
            )
