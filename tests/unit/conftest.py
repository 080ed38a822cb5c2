"""What the transports have in common is shown of each."""

import pytest

from tests.unit.transport.running import Kind
from translator.transport.grpcio import GrpcTransport
from translator.transport.h2.server import H2Transport


@pytest.fixture(params=[GrpcTransport, H2Transport])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each of the transports."""
    found: Kind = request.param
    return found
