"""A collector of OpenTelemetry's that keeps what it is sent, over HTTP and over gRPC."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


@dataclass
class Collector:
    """What arrived, and where to send it.

    Attributes:
        ports: by the protocol, in the words of ``OTEL_EXPORTER_OTLP_PROTOCOL``.
        spans: by the name of the service that sent them.
    """

    ports: dict[str, int] = field(default_factory=dict)
    spans: list[tuple[str, Span]] = field(default_factory=list)

    def of(self, service: str) -> list[Span]:
        """The spans of one service."""
        return [span for name, span in self.spans if name == service]

    def wait(self, service: str, count: int) -> list[Span]:
        """The spans of one service, once there are so many."""
        deadline = time.monotonic() + 30
        while len(self.of(service)) < count:
            assert time.monotonic() < deadline, self.spans
            time.sleep(0.01)
        return self.of(service)

    def take(self, message: bytes) -> bytes:
        """Take one export; give the answer, which is empty."""
        for resource in ExportTraceServiceRequest.FromString(message).resource_spans:
            service = facts(resource.resource)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [(service, span) for span in scope.spans]
        return b""


def facts(of: Any) -> dict[str, Any]:
    """The attributes of a span or a resource."""
    return {fact.key: getattr(fact.value, fact.value.WhichOneof("value")) for fact in of.attributes}


@contextmanager
def collector() -> Iterator[Collector]:
    """Run one."""
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            kept.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    by_http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=by_http.serve_forever, args=(0.05,))
    by_grpc = grpc.server(ThreadPoolExecutor(1))
    export = grpc.unary_unary_rpc_method_handler(lambda message, _: kept.take(message))
    by_grpc.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_SERVICE, {"Export": export}),)
    )
    kept.ports = {
        "http/protobuf": by_http.server_address[1],
        "grpc": by_grpc.add_insecure_port("127.0.0.1:0"),
    }
    thread.start()
    by_grpc.start()
    try:
        yield kept
    finally:
        by_grpc.stop(0).wait()
        by_http.shutdown()
        by_http.server_close()
        thread.join()
