"""Compares results: medians with their spread, and ratios."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from bench.contenders import ENVOY, FILTER, FILTERS, NO_FILTER, NOOP, NOOP_3
from bench.peers import PEERS
from bench.results import METRICS, Result

PAIRS: Sequence[tuple[str, str]] = (
    *((name, NOOP) for name in FILTERS),
    (NOOP_3, NOOP),
    (FILTER, ENVOY),
    *((FILTER, peer.name) for peer in PEERS),
    (ENVOY, NO_FILTER),
    ("2 workers", "1 worker"),
    ("translation", "json"),
    ("translation", "orjson"),
)
"""Pairs of contenders whose ratios are shown, if both were measured."""

_ORDER = (*FILTERS, NOOP, NOOP_3, *(peer.name for peer in PEERS), ENVOY, NO_FILTER)


class Spread(NamedTuple):
    """The values of several rounds."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one value."""
        return cls(median(values), min(values), max(values))

    def text(self, decimals: int) -> str:
        """The median, and the lowest and highest if they differ from it.

        Args:
            decimals: their number; small values get as many as two significant digits need.
        """
        if 0 < self.median < 10:  # noqa: PLR2004 -- larger values have two digits without decimals
            decimals = max(decimals, 1 - math.floor(math.log10(self.median)))
        middle, *ends = (f"{value:.{decimals}f}" for value in self)
        return middle if ends == [middle, middle] else f"{middle} ({'..'.join(ends)})"


class Table(NamedTuple):
    """The values, or the ratios, of scenarios with the same contenders.

    Attributes:
        columns: titles after the first two, which are scenario and metric.
        rows: scenario, metric, and a value or None for each column.
        ratios: whether the values are ratios.
    """

    columns: Sequence[str]
    rows: Sequence[tuple[str, str, Sequence[Spread | None]]]
    ratios: bool


def tables(results: Sequence[Result]) -> Iterator[Table]:
    """All results of a suite, in as few tables as possible without empty columns."""
    waiting: list[str] = []
    columns: Sequence[str] = ()
    for scenario in names(results, lambda result: result.scenario):
        found = in_order(result for result in results if result.scenario == scenario)
        if waiting and found != columns:
            yield from _tables(results, waiting, columns)
            waiting = []
        columns = found
        waiting.append(scenario)
    if waiting:
        yield from _tables(results, waiting, columns)


def _tables(
    results: Sequence[Result], scenarios: Sequence[str], contenders: Sequence[str]
) -> Iterator[Table]:
    turns = {
        (scenario, metric): by_turn(
            (result for result in results if result.scenario == scenario), metric
        )
        for scenario in scenarios
        for metric in METRICS
    }
    rows = [(*what, [spread(found, name) for name in contenders]) for what, found in turns.items()]
    yield Table(contenders, [row for row in rows if any(row[2])], ratios=False)
    pairs = [(of, by) for of, by in PAIRS if of in contenders and by in contenders]
    rows = [(*what, [ratio(found, *pair) for pair in pairs]) for what, found in turns.items()]
    if pairs:
        columns = [f"{of} / {by}" for of, by in pairs]
        yield Table(columns, [row for row in rows if any(row[2])], ratios=True)


Turns = Mapping[tuple[str, int], float]
"""One metric, by contender and round."""


def by_turn(results: Iterable[Result], metric: str) -> Turns:
    """One metric of one scenario."""
    return {
        (result.contender, result.round): result.metrics[metric]
        for result in results
        if metric in result.metrics
    }


def spread(turns: Turns, contender: str) -> Spread | None:
    """The values of a contender, or None if it was not measured."""
    values = [value for (name, _), value in turns.items() if name == contender]
    return Spread.of(values) if values else None


def ratio(turns: Turns, of: str, by: str) -> Spread | None:
    """The values of ``of`` divided by those of ``by``; None if one was not measured.

    The ratio is computed per round, because turns of one round are more comparable than medians.
    """
    ratios = [
        value / turns[by, number]
        for (name, number), value in turns.items()
        if name == of and turns.get((by, number))
    ]
    return Spread.of(ratios) if ratios else None


def in_order(results: Iterable[Result]) -> list[str]:
    """The contenders: filters first, Envoy last, others in the order of results."""
    found = names(results, lambda result: result.contender)
    places = {name: place for place, name in enumerate(_ORDER)}
    return sorted(found, key=lambda name: places.get(name, 0))


def names(results: Iterable[Result], name: Callable[[Result], str]) -> list[str]:
    """The different names of results, in order."""
    return list(dict.fromkeys(map(name, results)))
