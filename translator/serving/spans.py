"""The span of an exchange, by OpenTelemetry's semantic conventions.

One span of kind SERVER for each exchange, because it describes the response to the client: its
status, times and errors. Names that the conventions do not have begin with ``oip_translator.``.
Needs the extra ``tracing``.
"""

from collections.abc import Mapping
from time import monotonic, time_ns

from opentelemetry.context import Context
from opentelemetry.trace import (
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from translator.exchange.record import Record
from translator.operations.registry import OPERATIONS
from translator.serving.conventions import PROVIDER

_W3C = TraceContextTextMapPropagator()
_UNNAMED = "exchange"  # until the model is known
_LONGEST = 512  # characters, of names chosen by a client or a provider; no model name is longer


class ExchangeSpan:
    """A span in the trace of Envoy or of the client, or the first span of a new trace.

    Attributes:
        headers: ``traceparent`` and ``tracestate`` of this span, for the model server.

    Args:
        tracer: creates the span.
        stream: the headers of Envoy's gRPC stream.
        request: the headers of the client's request.
    """

    __slots__ = ("_began", "_began_at", "_span", "headers")

    def __init__(
        self, tracer: Tracer, stream: Mapping[str, str], request: Mapping[str, str]
    ) -> None:
        context = _parent(stream, request)
        self._began, self._began_at = monotonic(), time_ns()
        self._span = tracer.start_span(
            _UNNAMED, context, SpanKind.SERVER, start_time=self._began_at
        )
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, set_span_in_context(self._span, context))
        if carrier and "tracestate" in request:
            # The client's tracestate must not accompany the traceparent of another trace.
            carrier.setdefault("tracestate", "")
        self.headers = tuple(carrier.items())

    def end(self, record: Record) -> None:
        """Set the attributes from the record, and end the span with the exchange."""
        span = self._span
        if not span.is_recording():
            return
        # By the monotonic clock, so that events are in order.
        ended_at = self._began_at + _nanoseconds(monotonic() - self._began)
        exchange_began_at = ended_at - _nanoseconds(record.ended_after or 0)
        span.update_name(name(record))
        span.set_attributes(attributes(record))
        for event, after in (
            ("forwarded", record.forwarded_after),
            ("responded", record.responded_after),
            ("first_event", record.first_event_after),
        ):
            if after is not None:
                span.add_event(
                    f"oip_translator.{event}", timestamp=exchange_began_at + _nanoseconds(after)
                )
        if failed(record):
            span.set_status(StatusCode.ERROR)
        span.end(ended_at)


def _parent(stream: Mapping[str, str], request: Mapping[str, str]) -> Context:
    # If Envoy traces too, it adds its span to the request only after this filter, but to the gRPC
    # stream from the start.
    here = _W3C.extract(stream)
    return here if get_current_span(here).get_span_context().is_valid else _W3C.extract(request)


def name(record: Record) -> str:
    """The operation and the requested model, as far as they are known."""
    return f"{_operation(record)} {_text(record.model)}".rstrip()


def attributes(record: Record) -> dict[str, AttributeValue]:
    """The attributes of an exchange, without unknown ones."""
    facts = {
        "gen_ai.operation.name": _operation(record),
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": _text(record.model) or None,
        "gen_ai.request.stream": record.streamed or None,
        "gen_ai.response.model": _text(record.response_model) or None,
        "gen_ai.response.time_to_first_chunk": record.first_event_after,
        "gen_ai.usage.input_tokens": record.input_tokens,
        "gen_ai.usage.output_tokens": record.output_tokens,
        "http.response.status_code": record.status or None,
        "error.type": record.error or None,
        "oip_translator.error_phase": record.error_phase or None,
        "oip_translator.upstream_status": record.upstream_status or None,
        "oip_translator.request_id": _text(record.request_id) or None,
        "oip_translator.busy_seconds": record.busy,
        "oip_translator.incomplete": not record.complete or None,
    }
    return {key: value for key, value in facts.items() if value is not None}


def failed(record: Record) -> bool:
    """Whether the server failed. A client's error (4xx) does not count.

    An error after a stream's first event has the status that the stream began with.
    """
    return bool(record.error) and not 400 <= record.status < 500  # noqa: PLR2004 -- HTTP statuses


def _operation(record: Record) -> str:
    served = OPERATIONS.get(record.operation)
    return served.telemetry if served else record.operation


def _text(value: str) -> str:
    """The value as valid UTF-8, which exporters need, and of limited length."""
    return value[:_LONGEST].encode("utf-8", "replace").decode()


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1_000_000_000)
