"""The suites, in the order in which they are measured."""

from collections.abc import Mapping, Sequence

from bench import memory, startup, streams, translation, unary, workers
from bench.results import Suite

_ALL: Sequence[Suite] = (unary, streams, workers, memory, startup, translation)
SUITES: Mapping[str, Suite] = {suite.NAME: suite for suite in _ALL}
"""Each by its name."""

WITH_WRK = frozenset({unary.NAME, workers.NAME, memory.NAME})
"""Those whose load is wrk's."""

USUAL: Sequence[str] = (unary.NAME, streams.NAME)
"""Those that are measured if nothing is said."""
