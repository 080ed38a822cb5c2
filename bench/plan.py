"""The extent of a measurement."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """The extent of a measurement.

    Attributes:
        rounds: the number of turns of each contender in each scenario; the suite memory has one.
        seconds: the duration of a turn.
        warm_up: seconds of load before the first round, for each contender.
        share: a factor for the suites' own counts (requests, events, streams), from 0 to 1.
        full: whether to measure all scenarios, or only the main ones.
        scenarios: if not empty, only scenarios with one of these words in their names.
        contenders: if not empty, only these.
    """

    rounds: int = 3
    seconds: int = 2
    warm_up: int = 1
    share: float = 0.1
    full: bool = False
    scenarios: Collection[str] = ()
    contenders: Collection[str] = ()

    def has_scenario(self, name: str, *, main: bool = True) -> bool:
        """Whether to measure a scenario; one that is not main only with ``full`` or by its name."""
        if self.scenarios:
            return any(word in name for word in self.scenarios)
        return main or self.full

    def has_contender(self, name: str) -> bool:
        """Whether to measure a contender."""
        return not self.contenders or name in self.contenders


USUAL = Plan()
"""About five minutes."""
FULL = Plan(seconds=3, share=1.0, full=True)
"""Half an hour."""
SMOKE = Plan(rounds=2, seconds=1, share=0.01)
"""Half a minute: whether it works, and whether something is very much slower."""
