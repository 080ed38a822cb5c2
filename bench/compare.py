"""Results put side by side: medians with their spread, and ratios."""

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
"""Whose figures are divided by whose, wherever both are there."""

_ORDER = (*FILTERS, NOOP, NOOP_3, *(peer.name for peer in PEERS), ENVOY, NO_FILTER)


class Spread(NamedTuple):
    """What several rounds gave."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(median(values), min(values), max(values))

    def text(self, decimals: int) -> str:
        """The median, and the lowest and highest if they differ from it.

        Args:
            decimals: how many; small values get what two digits need.
        """
        if 0 < self.median < 10:  # noqa: PLR2004 -- with two digits before the point none are needed
            decimals = max(decimals, 1 - math.floor(math.log10(self.median)))
        middle, *ends = (f"{value:.{decimals}f}" for value in self)
        return middle if ends == [middle, middle] else f"{middle} ({'..'.join(ends)})"


class Table(NamedTuple):
    """Scenarios with the same contenders: what they did, or whose is how many times whose.

    Attributes:
        columns: titles after the first two, which are scenario and metric.
        rows: scenario, metric, and of each column a value if there is one.
        ratios: whether the values are ratios.
    """

    columns: Sequence[str]
    rows: Sequence[tuple[str, str, Sequence[Spread | None]]]
    ratios: bool


def tables(results: Sequence[Result]) -> Iterator[Table]:
    """All results of a suite, in as few tables as hold them without empty columns."""
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
    """What a contender's rounds gave, if there are any."""
    values = [value for (name, _), value in turns.items() if name == contender]
    return Spread.of(values) if values else None


def ratio(turns: Turns, of: str, by: str) -> Spread | None:
    """One contender's figures divided by another's, if there are any.

    Round by round, because two turns of one round have more in common than two medians.
    """
    ratios = [
        value / turns[by, number]
        for (name, number), value in turns.items()
        if name == of and turns.get((by, number))
    ]
    return Spread.of(ratios) if ratios else None


def in_order(results: Iterable[Result]) -> list[str]:
    """Their contenders: filters first, Envoy last, others as they come."""
    found = names(results, lambda result: result.contender)
    places = {name: place for place, name in enumerate(_ORDER)}
    return sorted(found, key=lambda name: places.get(name, 0))


def names(results: Iterable[Result], name: Callable[[Result], str]) -> list[str]:
    """Some name of every result, each once, in the order in which they come."""
    return list(dict.fromkeys(map(name, results)))
