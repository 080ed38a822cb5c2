"""A model server that speaks HTTP/2: its responses can end with trailers."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway
from tests.e2e.h2_upstream import H2Upstream, Part
from tests.e2e.upstream import Gate

pytestmark = pytest.mark.transport

PATH = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
TRAILERS = {"x-sum": "1"}
END = b"data: [DONE]\n\n"


@pytest.fixture(scope="module")
def _server() -> Iterator[H2Upstream]:
    server = H2Upstream()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def server(_server: H2Upstream) -> H2Upstream:
    _server.kind, _server.parts = "text/event-stream", ()
    _server.received.clear()
    return _server


@pytest.fixture(scope="module")
def h2_gateway(_server: H2Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """envoy/gateway.yaml with HTTP/2 to the model server."""
    folder = tmp_path_factory.mktemp("h2")
    port, admin, worker = stack.free_port(), stack.free_port(), stack.free_port()
    config = stack.gateway_config(
        port=port, admin=admin, http=_server.port, grpc=_server.port, translators=[worker]
    )
    http_cluster, *_ = config["static_resources"]["clusters"]
    assert http_cluster["name"] == "oip_http"
    (options,) = http_cluster["typed_extension_protocol_options"].values()
    options["explicit_http_config"] = {"http2_protocol_options": {}}
    with stack.translator(worker, folder) as translator, stack.envoy(config, folder) as envoy:
        yield Gateway(port, admin, worker, envoy, translator)


def event(text: str) -> bytes:
    return b"data: %b\n\n" % json.dumps(oip.answer(text)).encode()


def said(body: bytes) -> list[Any]:
    """The deltas' texts and the finish reasons; the stream must have its end, once."""
    assert body.endswith(END)
    assert body.count(END) == 1
    choices = [json.loads(part[6:])["choices"][0] for part in body.split(b"\n\n")[:-2]]
    return [choice["delta"].get("content") or choice["finish_reason"] for choice in choices]


@pytest.mark.parametrize("trailers", [(TRAILERS,), ()])
def test_a_stream_at_once(
    h2_gateway: Gateway, server: H2Upstream, trailers: tuple[Part, ...]
) -> None:
    server.parts = (event("Hel"), event("lo"), *trailers)
    reply = h2_gateway.post(PATH, {**HELLO, "stream": True})
    assert reply.status == 200
    assert said(reply.body) == ["Hel", "lo", "stop"]


@pytest.mark.parametrize("trailers", [(TRAILERS,), ()])
def test_a_stream_event_by_event(
    h2_gateway: Gateway, server: H2Upstream, trailers: tuple[Part, ...]
) -> None:
    started, first, second = Gate(), Gate(), Gate()
    server.parts = (started, event("Hel"), first, event("lo"), second, *trailers)
    with closing(http.client.HTTPConnection("127.0.0.1", h2_gateway.port, timeout=20)) as client:
        headers = {"content-type": "application/json"}
        client.request("POST", PATH, json.dumps({**HELLO, "stream": True}), headers)
        response = client.getresponse()  # the headers do not wait for the first event
        lines = b""
        for gate, text in ((started, b"Hel"), (first, b"lo")):
            gate.set()
            lines += response.readline() + response.readline()
            assert text in lines
        second.set()
        assert said(lines + response.read()) == ["Hel", "lo", "stop"]


def test_a_whole_response(h2_gateway: Gateway, server: H2Upstream) -> None:
    server.kind = "application/json"
    server.parts = (json.dumps(oip.answer("Hello")).encode(), TRAILERS)
    reply = h2_gateway.post(PATH, HELLO)
    assert reply.json["choices"][0]["message"]["content"] == "Hello"
    assert int(reply.headers["content-length"]) == len(reply.body)


def test_trailers_instead_of_events_cut_the_stream(h2_gateway: Gateway, server: H2Upstream) -> None:
    started = Gate()
    server.parts = (started, TRAILERS)
    with closing(http.client.HTTPConnection("127.0.0.1", h2_gateway.port, timeout=20)) as client:
        headers = {"content-type": "application/json"}
        client.request("POST", PATH, json.dumps({**HELLO, "stream": True}), headers)
        response = client.getresponse()
        started.set()
        with pytest.raises(http.client.IncompleteRead):
            response.read()


def test_an_error_in_the_data_comes_before_the_trailers(
    h2_gateway: Gateway, server: H2Upstream
) -> None:
    server.parts = (event("Hel"), b'data: {"error": "out of memory"}\n\n', TRAILERS)
    reply = h2_gateway.post(PATH, {**HELLO, "stream": True})
    assert reply.body.count(END) == 1
    assert b"out of memory" in reply.body
