"""What end-to-end tests of several kinds stand on."""

from collections.abc import Iterator

import pytest

from tests.e2e.upstream import Upstream


@pytest.fixture(scope="session")
def _upstream() -> Iterator[Upstream]:
    server = Upstream()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def upstream(_upstream: Upstream) -> Upstream:
    """The scripted model server, with a clean slate."""
    _upstream.reset()
    return _upstream
