"""Every peer, running before the scripted model server."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from bench.peers import PEERS
from demo import stack
from tests.e2e.upstream import Upstream

pytest_plugins = ["tests.conftest"]


@pytest.fixture(scope="session")
def ports(
    _upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, int]]:
    """Where each peer listens, by its name."""
    with ExitStack() as started:
        found = {peer.name: stack.free_port() for peer in PEERS}
        for peer in PEERS:
            folder = tmp_path_factory.mktemp("peer")
            started.enter_context(peer.server(found[peer.name], _upstream.port, folder))
        yield found
