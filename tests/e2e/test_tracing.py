"""Spans that leave a real process, behind a real Envoy that traces or does not."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo import stack
from tests import oip
from tests.e2e.collector import Collector, collector, facts
from tests.e2e.conftest import Gateway, send
from tests.e2e.upstream import Upstream

PATH = "/v1/chat/completions"
ASK: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
JSON = {"content_type": "application/json"}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
TRACING = ["--tracing"]
OURS, ENVOYS = "oip-translator", "envoy"


@pytest.fixture
def collected() -> Iterator[Collector]:
    with collector() as running:
        yield running


def export_to(monkeypatch: pytest.MonkeyPatch, port: int, protocol: str = "http/protobuf") -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)


@pytest.mark.transport
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_stream_is_a_span_of_the_clients_trace(
    upstream: Upstream,
    collected: Collector,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    protocol: str,
) -> None:
    export_to(monkeypatch, collected.ports[protocol], protocol)
    upstream.stream(oip.answer("Hi"), oip.answer(" there"))
    before = time.time_ns()
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=TRACING) as parts:
        gateway = Gateway(*parts)
        reply = gateway.post(PATH, {**ASK, "stream": True}, traceparent=TRACEPARENT)
        gateway.translator.send(signal.SIGTERM)
        assert gateway.translator.wait(10) == 0
    assert reply.body.endswith(b"data: [DONE]\n\n")
    [span] = collected.of(OURS)
    assert (span.name, span.kind) == ("chat chat", span.SPAN_KIND_SERVER)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    [received] = upstream.received
    assert received.headers["traceparent"] == f"00-{TRACE}-{span.span_id.hex()}-01"
    found = facts(span)
    assert found["gen_ai.request.stream"] is True
    assert found["http.response.status_code"] == 200
    assert "oip_translator.incomplete" not in found
    moments = [event.time_unix_nano for event in span.events]
    assert [event.name.partition(".")[2] for event in span.events] == [
        "forwarded",
        "responded",
        "first_event",
    ]
    began, ended = span.start_time_unix_nano, span.end_time_unix_nano
    assert [before, began, *moments, ended] == sorted([before, began, *moments, ended])


def traces(config: dict[str, Any], port: int) -> dict[str, Any]:
    """Let Envoy trace as well, to a collector's gRPC on a loopback port, each span at once."""
    resources = config["static_resources"]
    [translator] = [each for each in resources["clusters"] if each["name"] == "oip_translator"]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    options = "typed_extension_protocol_options"
    resources["clusters"].append(
        {
            "name": "collector",
            options: translator[options],
            "load_assignment": {
                "cluster_name": "collector",
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
            },
        }
    )
    tracer = {
        "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
        "service_name": ENVOYS,
        "grpc_service": {"envoy_grpc": {"cluster_name": "collector"}},
    }
    [chain] = resources["listeners"][0]["filter_chains"]
    chain["filters"][0]["typed_config"]["tracing"] = {
        "spawn_upstream_span": True,
        "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": tracer},
    }
    at_once = {"tracing.opentelemetry.min_flush_spans": 1}
    layers = [{"name": "spans", "static_layer": at_once}]
    return {**config, "layered_runtime": {"layers": layers}}


@pytest.mark.parametrize("head", [{}, {"traceparent": TRACEPARENT}])
def test_an_envoy_that_traces_has_our_span_below_its_own(
    upstream: Upstream,
    collected: Collector,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    head: dict[str, str],
) -> None:
    export_to(monkeypatch, collected.ports["http/protobuf"])
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    upstream.answer(oip.answer("Hi"))
    port, worker = stack.free_port(), stack.free_port()
    config = stack.gateway_config(
        port=port,
        admin=stack.free_port(),
        http=upstream.port,
        grpc=upstream.port,
        translators=[worker],
    )
    body = json.dumps(ASK).encode()
    config = traces(config, collected.ports["grpc"])
    with stack.translator(worker, tmp_path, "--tracing"), stack.envoy(config, tmp_path):
        assert send(port, "POST", PATH, body, **JSON, **head).status == 200
        [ours] = collected.wait(OURS, 1)
        envoys = {span.span_id: span for span in collected.wait(ENVOYS, 3)}
    stream = envoys[ours.parent_span_id]
    assert "ext_proc" in stream.name
    ingress = envoys[stream.parent_span_id]
    assert ingress.parent_span_id.hex() == (PARENT if head else "")
    [received] = upstream.received
    _, trace, parent, _ = received.headers["traceparent"].split("-")
    assert trace == ours.trace_id.hex() == ingress.trace_id.hex()
    assert envoys[bytes.fromhex(parent)].parent_span_id == ingress.span_id


@contextmanager
def nobody() -> Iterator[int]:
    """The port of a collector that nobody runs."""
    yield stack.free_port()


@contextmanager
def silence() -> Iterator[int]:
    """The port of one that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize(("protocol", "gone"), [("http/protobuf", silence), ("grpc", nobody)])
def test_a_collector_that_is_gone_costs_a_line_of_the_log(
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    protocol: str,
    gone: Callable[[], AbstractContextManager[int]],
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with gone() as port:
        export_to(monkeypatch, port, protocol)
        with stack.gateway(
            tmp_path, http=upstream.port, grpc=upstream.port, options=TRACING
        ) as parts:
            gateway = Gateway(*parts)
            for _ in range(5):
                upstream.answer(oip.answer("Hi"))
                assert gateway.post(PATH, ASK).status == 200
            gateway.translator.send(signal.SIGTERM)
            assert gateway.translator.wait(10) == 0
    log = gateway.translator.log.read_text()
    lines = [line for line in log.splitlines() if "opentelemetry" in line or "spans are" in line]
    assert 1 <= len(lines) <= 3, log
    assert "Traceback" not in log
