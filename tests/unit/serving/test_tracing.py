"""The span of an exchange, and its export."""

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests import oip
from tests.unit import envoy
from tests.unit.events import event
from translator.cli import main
from translator.exchange.record import Record
from translator.extproc._proto.external_processor_pb2 import ProcessingRequest, ProcessingResponse
from translator.extproc.session import Session
from translator.operations.registry import OPERATIONS
from translator.serving import log_writer, tracing
from translator.serving.tracing import Tracing

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
UNARY = envoy.request_body(json.dumps(ASK).encode())
STREAMED = envoy.request_body(json.dumps({**ASK, "stream": True}).encode())
USAGE = {
    "id": "x",
    "model": "provided",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
}


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def traced(exporter: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider)


def new_session(exporter: InMemorySpanExporter, stream: dict[str, str] | None = None) -> Session:
    """A session whose stream has such headers."""
    return Session(tracer=partial(traced(exporter).begin, stream or {}))


def ask(
    exporter: InMemorySpanExporter,
    *messages: ProcessingRequest,
    stream: dict[str, str] | None = None,
    **headers: str,
) -> dict[str, str]:
    """Take an exchange through its messages; give the headers the request went on with."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    first = envoy.request_headers({**envoy.POST_CHAT, **names})
    session = new_session(exporter, stream)
    replies = [
        ProcessingResponse.FromString(session.handle(message.SerializeToString()))
        for message in (first, *messages)
    ]
    session.close()
    common = (reply.request_body.response for reply in replies if reply.HasField("request_body"))
    return envoy.set_headers(next(common).header_mutation)


def answer(document: dict[str, Any]) -> tuple[ProcessingRequest, ...]:
    return envoy.response_headers(), envoy.response_body(json.dumps(document).encode())


def the_span(exporter: InMemorySpanExporter) -> ReadableSpan:
    [span] = exporter.get_finished_spans()
    return span


def parent_of(span: ReadableSpan) -> str | None:
    return f"{span.parent.span_id:016x}" if span.parent else None


def traceparent_of(span: ReadableSpan) -> str:
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}"


def test_a_span_describes_request_and_response(exported: InMemorySpanExporter) -> None:
    ask(exported, UNARY, *answer(oip.provided(USAGE)), x_request_id="req-1")
    span = the_span(exported)
    assert (span.name, span.kind) == ("chat m", SpanKind.SERVER)
    assert span.status.status_code is StatusCode.UNSET
    facts = dict(span.attributes or {})
    assert 0 < facts.pop("oip_translator.busy_seconds") < 10  # type: ignore[operator] # a number
    assert facts == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "open_inference_protocol",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "provided",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 2,
        "http.response.status_code": 200,
        "oip_translator.request_id": "req-1",
        "oip_translator.upstream_status": 200,
    }


def test_events_have_the_times_of_the_record(exported: InMemorySpanExporter) -> None:
    times = {"forwarded_after": 0.125, "responded_after": 0.25, "first_event_after": 0.5}
    record = Record(operation="embeddings", streamed=True, ended_after=2.0, **times)  # type: ignore[arg-type] # by name
    traced(exported).begin({}, {}).end(record)
    span = the_span(exported)
    assert span.end_time is not None
    assert 0 <= time.time_ns() - span.end_time < 1_000_000_000
    began = span.end_time - 2_000_000_000
    assert {event.name: event.timestamp - began for event in span.events} == {
        "oip_translator.forwarded": 125_000_000,
        "oip_translator.responded": 250_000_000,
        "oip_translator.first_event": 500_000_000,
    }
    assert (span.attributes or {})["gen_ai.response.time_to_first_chunk"] == 0.5
    assert (span.attributes or {})["gen_ai.request.stream"] is True


def test_missing_times_have_no_event(exported: InMemorySpanExporter) -> None:
    ask(exported, UNARY, *answer(oip.answer("Hi")))
    assert [event.name for event in the_span(exported).events] == [
        "oip_translator.forwarded",
        "oip_translator.responded",
    ]


def test_a_trace_continues_from_client_to_model(exported: InMemorySpanExporter) -> None:
    sent = ask(exported, UNARY, traceparent=TRACEPARENT, tracestate="a=b,c=d")
    span = the_span(exported)
    assert (f"{span.context.trace_id:032x}", parent_of(span)) == (TRACE, PARENT)
    assert sent["traceparent"] == f"{traceparent_of(span)}-01"
    assert sent["tracestate"] == "a=b,c=d"


def test_without_a_trace_a_new_one_begins(exported: InMemorySpanExporter) -> None:
    sent = ask(exported, UNARY)
    span = the_span(exported)
    assert span.parent is None
    assert sent["traceparent"].startswith(traceparent_of(span))
    assert int(sent["traceparent"][-2:], 16) & 1
    assert "tracestate" not in sent


@pytest.mark.parametrize(
    "traceparent", ["x", f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01", "\udcff", ""]
)
def test_with_an_invalid_trace_a_new_one_begins(
    exported: InMemorySpanExporter, traceparent: str
) -> None:
    sent = ask(exported, UNARY, traceparent=traceparent, tracestate="a=b")
    span = the_span(exported)
    assert span.parent is None
    assert f"{span.context.trace_id:032x}" != TRACE
    assert sent["traceparent"].startswith(traceparent_of(span))
    assert sent["tracestate"] == "", "it belongs to a trace that is not this one"


def test_an_unsampled_trace_stays_unsampled(exported: InMemorySpanExporter) -> None:
    sent = ask(exported, UNARY, traceparent=f"00-{TRACE}-{PARENT}-00", tracestate="a=b")
    assert exported.get_finished_spans() == ()
    version, trace, span, flags = sent["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "00")
    assert span != PARENT
    assert sent["tracestate"] == "a=b"


def test_envoys_span_is_preferred_as_parent(exported: InMemorySpanExporter) -> None:
    nearer = "00f067aa0ba902b7"
    stream = {"traceparent": f"00-{TRACE}-{nearer}-01"}
    ask(exported, UNARY, stream=stream, traceparent=TRACEPARENT)
    assert parent_of(the_span(exported)) == nearer


def test_a_disabled_sdk_leaves_headers_alone(
    exported: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert ask(exported, UNARY, traceparent=TRACEPARENT)["traceparent"] == TRACEPARENT
    assert "traceparent" not in ask(exported, UNARY)
    assert exported.get_finished_spans() == ()


def end_after(exporter: InMemorySpanExporter, body: bytes) -> None:
    session = new_session(exporter)
    for message in (envoy.request_headers(), envoy.request_body(body)):
        session.handle(message.SerializeToString())
    session.close()


def test_a_client_error_does_not_set_the_span_status(
    exported: InMemorySpanExporter,
) -> None:
    end_after(exported, b"{}")
    span = the_span(exported)
    assert (span.name, span.status.status_code) == ("chat", StatusCode.UNSET)
    facts = span.attributes or {}
    assert facts["http.response.status_code"] == 400
    assert facts["error.type"] == "invalid_request_error"
    assert facts["oip_translator.error_phase"] == "request_body"
    assert "gen_ai.request.model" not in facts
    assert "oip_translator.upstream_status" not in facts


def test_a_server_error_sets_the_span_status(exported: InMemorySpanExporter) -> None:
    ask(exported, UNARY, *answer({"outputs": []}))
    span = the_span(exported)
    assert span.status.status_code is StatusCode.ERROR
    facts = span.attributes or {}
    assert (facts["http.response.status_code"], facts["error.type"]) == (502, "upstream_error")
    assert facts["oip_translator.upstream_status"] == 200


def test_an_error_within_a_stream_sets_the_span_status(
    exported: InMemorySpanExporter,
) -> None:
    chunks = envoy.response_body(event(oip.answer("Hi")), end_of_stream=False)
    broken = envoy.response_body(b"data: {nonsense\n\n")
    ask(exported, STREAMED, envoy.response_headers(envoy.EVENTS), chunks, broken)
    span = the_span(exported)
    assert span.status.status_code is StatusCode.ERROR
    facts = span.attributes or {}
    assert (facts["http.response.status_code"], facts["error.type"]) == (200, "upstream_error")
    assert facts["oip_translator.error_phase"] == "response_body"


def test_a_disconnect_does_not_set_the_span_status(exported: InMemorySpanExporter) -> None:
    chunk = envoy.response_body(event(oip.answer("Hi")), end_of_stream=False)
    ask(exported, STREAMED, envoy.response_headers(envoy.EVENTS), chunk)
    span = the_span(exported)
    assert span.status.status_code is StatusCode.UNSET
    facts = span.attributes or {}
    assert facts["oip_translator.incomplete"] is True
    assert "error.type" not in facts
    assert [event.name for event in span.events][-1] == "oip_translator.first_event"


def test_other_paths_have_no_span(exported: InMemorySpanExporter) -> None:
    session = new_session(exported)
    plain = envoy.request_headers({**envoy.POST_CHAT, ":path": "/v2/models/m/infer"})
    session.handle(plain.SerializeToString())
    session.close()
    assert exported.get_finished_spans() == ()


def test_any_text_of_a_client_can_be_exported(exported: InMemorySpanExporter) -> None:
    ask(exported, UNARY, x_request_id="\udcff" + "x" * 10_000)
    [resource] = encode_spans(exported.get_finished_spans()).resource_spans
    sent = {fact.key: fact.value for fact in resource.scope_spans[0].spans[0].attributes}
    assert sent["oip_translator.request_id"].string_value == "?" + "x" * 511


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_its_name(name: str, exported: InMemorySpanExporter) -> None:
    traced(exported).begin({}, {}).end(Record(operation=name))
    told = (the_span(exported).attributes or {})["gen_ai.operation.name"]
    assert told == OPERATIONS[name].telemetry


def test_the_resource_has_defaults_that_variables_override(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = tracing.resource().attributes, tracing.resource().attributes
    assert first["service.name"] == "oip-translator"
    assert first["service.instance.id"] != second["service.instance.id"]
    monkeypatch.setenv("OTEL_SERVICE_NAME", "ours")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=pod-0,team=ml")
    told = tracing.resource().attributes
    assert (told["service.name"], told["service.instance.id"]) == ("ours", "pod-0")
    assert (told["team"], told["service.version"]) == ("ml", first["service.version"])


@pytest.fixture
def _loggers() -> Iterator[None]:
    """Leave logging as it was."""
    library, trace = (logging.getLogger(name) for name in ("opentelemetry", "opentelemetry.trace"))
    before = library.handlers, library.propagate, trace.level
    yield
    library.handlers, library.propagate, trace.level = before


@pytest.mark.usefixtures("_loggers")
@pytest.mark.parametrize(
    ("variables", "kinds"),
    [
        ({}, ["http.trace_exporter"]),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ["grpc.trace_exporter"]),
        (
            {
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
                "OTEL_TRACES_EXPORTER": "otlp,console",
            },
            ["http.trace_exporter", "trace.export"],
        ),
        ({"OTEL_TRACES_EXPORTER": "none"}, []),
    ],
)
def test_exporters_are_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], kinds: list[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    made: list[str] = []

    class Processor(SpanProcessor):
        def __init__(self, exporter: object) -> None:
            made.append(type(exporter).__module__)

    monkeypatch.setattr(tracing, "BatchSpanProcessor", Processor)
    tracing.from_environment().close()
    assert [".".join(name.split(".")[-2:]) for name in made] == kinds


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "allowed: otlp, console, none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "allowed: http/protobuf, grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "x", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL cannot"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "max_queue_size"),
    ],
)
def test_invalid_variables_prevent_the_start(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(["serve", "--tracing", "--listen", "127.0.0.1:0"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["sdk", "exporter.otlp.proto.http"])
def test_without_the_extra_the_start_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    monkeypatch.setitem(sys.modules, f"opentelemetry.{missing}", None)
    assert main(["serve", "--tracing", "--listen", "127.0.0.1:0"]) == 2
    assert "pip install 'oip-translator[tracing]'" in capsys.readouterr().err


def test_opentelemetry_is_loaded_only_for_tracing() -> None:
    code = "import sys, translator.cli, translator.serving.server; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run(  # noqa: S603 -- our own line
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "translator.serving.sessions" in loaded.stdout
    assert "opentelemetry" not in loaded.stdout


def test_the_exit_waits_for_the_collector_only_briefly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gone = threading.Event()

    class Stuck(SpanProcessor):
        def shutdown(self) -> None:
            gone.wait(30)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Stuck())
    monkeypatch.setattr(tracing, "_FLUSH", 0.05)
    Tracing(provider).close()
    gone.set()
    assert "the last spans are lost" in caplog.text


@pytest.mark.usefixtures("_loggers")
def test_a_missing_collector_is_logged_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 100.0
    monkeypatch.setattr(log_writer, "monotonic", lambda: now)
    tracing.quieten()
    exporter = logging.getLogger("opentelemetry.exporter.test")
    for number in range(3):
        exporter.warning("gone, for the time %d", number)
    exporter.error("something else")
    now += 60
    exporter.warning("gone, for the time %d", 4)
    assert caplog.messages == [
        "gone, for the time 0",
        "something else",
        "not logged 2 more times: gone, for the time %d",
        "gone, for the time 4",
    ]


@pytest.mark.usefixtures("_loggers")
def test_invalid_trace_headers_are_not_logged(
    exported: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    tracing.quieten()
    ask(exported, UNARY, traceparent="secret" * 100, tracestate="secret")
    ask(exported, UNARY, traceparent=TRACEPARENT, tracestate="not;a=secret=")
    assert "secret" not in caplog.text
