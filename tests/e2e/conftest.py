"""Real Envoy and a real translator process, before a scripted model server or before MLServer."""

import http.client
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from demo import stack
from tests.e2e.upstream import Upstream
from tests.mlserver import ModelServer


@dataclass(frozen=True)
class Reply:
    """An HTTP response, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The inside of an OpenAI error, which must be all there is."""
        document = self.json
        assert list(document) == ["error"]
        error = document["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["message"]
        return dict(error)


def send(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
    """Send one request to a loopback port; names in ``headers`` have underscores for dashes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        head = {name.replace("_", "-"): value for name, value in headers.items()}
        # An answer may come before the body is all sent; like any HTTP client, read it then.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body, head)
        response = connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, names, response.read())
    finally:
        connection.close()


def unhurried(part: Any) -> Any:
    """A part of a configuration of Envoy's, with time-outs that a busy machine does not miss."""
    if isinstance(part, dict):
        late = ("timeout", "connect_timeout")
        return {key: "30s" if key in late else unhurried(value) for key, value in part.items()}
    return [unhurried(each) for each in part] if isinstance(part, list) else part


class Gateway(stack.Parts):
    """A running gateway, and an HTTP client that hides nothing."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """Send one request; names in ``headers`` have underscores for dashes."""
        return send(self.port, method, path, body, **headers)

    def get_admin(self, path: str) -> Reply:
        """Ask Envoy's admin interface."""
        return send(self.admin, "GET", path)

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        """Post JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, data, **{"content_type": "application/json", **headers})


@pytest.fixture(scope="session", autouse=True)
def _no_proxy() -> Iterator[None]:
    """A proxy set in the environment cannot reach our loopback interface."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, "127.0.0.1,localhost")
        yield


@pytest.fixture(scope="session")
def gateway(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """envoy/gateway.yaml and a translator before the scripted model server."""
    folder = tmp_path_factory.mktemp("gateway")
    with stack.gateway(folder, http=_upstream.port, grpc=_upstream.port) as parts:
        yield Gateway(*parts)


@pytest.fixture(scope="session")
def model_gateway(
    mlserver: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """envoy/gateway.yaml and a translator before MLServer."""
    folder = tmp_path_factory.mktemp("model-gateway")
    with stack.gateway(folder, http=mlserver.http, grpc=mlserver.grpc) as parts:
        yield Gateway(*parts)
