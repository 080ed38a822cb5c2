"""The gateways that clients talk to, and what every test here needs of its surroundings.

The clients have an environment of their own, the translator and MLServer run in theirs.
"""

import os
from collections.abc import Iterator

import pytest

from demo import stack
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Upstream
from tests.mlserver import ModelServer

pytest_plugins = ["tests.conftest", "tests.e2e.conftest"]
pytest.register_assert_rewrite("tests.clients.wire", "tests.invariants")

# Without it LiteLLM asks the network for prices when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

TRANSLATOR_PYTHON = stack.ROOT / ".venv" / "bin" / "python"


@pytest.fixture(scope="session")
def gateway(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """envoy/gateway.yaml and a translator before the scripted model server."""
    folder = tmp_path_factory.mktemp("gateway")
    ports = {"http": _upstream.port, "grpc": _upstream.port}
    with stack.gateway(folder, **ports, python=TRANSLATOR_PYTHON) as parts:
        yield Gateway(*parts)


@pytest.fixture(scope="session")
def model_gateway(
    mlserver: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """envoy/gateway.yaml and a translator before MLServer with the demo's models."""
    folder = tmp_path_factory.mktemp("model-gateway")
    ports = {"http": mlserver.http, "grpc": mlserver.grpc}
    with stack.gateway(folder, **ports, python=TRANSLATOR_PYTHON) as parts:
        yield Gateway(*parts)


@pytest.fixture
def url(gateway: Gateway) -> str:
    """The base URL before the scripted model server."""
    return f"{gateway.url}/v1"


@pytest.fixture
def model_url(model_gateway: Gateway) -> str:
    """The base URL before the real models."""
    return f"{model_gateway.url}/v1"
