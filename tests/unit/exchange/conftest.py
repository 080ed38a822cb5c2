"""Operations of tests' own."""

from collections.abc import Callable

import pytest

from translator.exchange import routes
from translator.operations.base import Operation
from translator.operations.registry import OPERATIONS

Serve = Callable[[Operation], None]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Serves an operation, as long as the test runs."""
    uncached = routes._find.__wrapped__  # noqa: SLF001 -- the next test's may have the same name
    monkeypatch.setattr(routes, "_find", uncached)
    return lambda operation: monkeypatch.setitem(OPERATIONS, operation.name, operation)
