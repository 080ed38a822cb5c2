"""The suites, in the order in which they are measured."""

from collections.abc import Mapping, Sequence

from bench import memory, startup, streams, translation, unary, workers
from bench.results import Suite

_ALL: Sequence[Suite] = (unary, streams, workers, memory, startup, translation)
SUITES: Mapping[str, Suite] = {suite.NAME: suite for suite in _ALL}
"""The suites by name."""

WITH_WRK = frozenset({unary.NAME, workers.NAME, memory.NAME})
"""The suites that use wrk."""

USUAL: Sequence[str] = (unary.NAME, streams.NAME)
"""The suites that are measured by default."""
