"""How much to measure."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure, and of what.

    Attributes:
        rounds: how often each contender gets its turn in each scenario; once in the suite memory.
        seconds: length of one turn.
        warm_up: seconds of load before the first round, for each contender.
        share: of the counts that a suite has of its own (requests, events, streams), from 0 to 1.
        full: all scenarios, not the main ones only.
        scenarios: if there are any, only scenarios that have one of these words in their names.
        contenders: if there are any, only these.
    """

    rounds: int = 3
    seconds: int = 2
    warm_up: int = 1
    share: float = 0.1
    full: bool = False
    scenarios: Collection[str] = ()
    contenders: Collection[str] = ()

    def has_scenario(self, name: str, *, main: bool = True) -> bool:
        """Whether a scenario is to be measured; one that is not a main one only if all or it is."""
        if self.scenarios:
            return any(word in name for word in self.scenarios)
        return main or self.full

    def has_contender(self, name: str) -> bool:
        """Whether a contender is to be measured."""
        return not self.contenders or name in self.contenders


USUAL = Plan()
"""Some five minutes."""
FULL = Plan(seconds=3, share=1.0, full=True)
"""Half an hour."""
SMOKE = Plan(rounds=2, seconds=1, share=0.01)
"""Half a minute: whether it works, and whether something has become very much worse."""
