"""Exports spans with OpenTelemetry, configured by its standard variables.

Spans are sent from a bounded queue by a separate thread; when the queue is full, spans are dropped.
A slow or missing collector costs spans but never delays an exchange. Needs the extra ``tracing``.
"""

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from threading import Thread
from uuid import uuid4

from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_PROTOCOL,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
)
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

from translator import __version__
from translator.serving.log_writer import Repeats
from translator.serving.spans import ExchangeSpan
from translator.settings.sources import SettingsError

logger = logging.getLogger(__name__)

_EXPORTERS = "OTEL_TRACES_EXPORTER"
_FLUSH = 3.0  # seconds, at the exit of the process


class Tracing:
    """The tracing of one process.

    Args:
        provider: receives the spans.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("translator", __version__)

    def begin(self, stream: Mapping[str, str], request: Mapping[str, str]) -> ExchangeSpan:
        """Start the span of an exchange.

        Args:
            stream: the headers of Envoy's gRPC stream.
            request: the headers of the client's request.
        """
        return ExchangeSpan(self._tracer, stream, request)

    def close(self) -> None:
        """Send the remaining spans, for a few seconds at most."""
        # The SDK's own limits add up to half a minute, and not every exporter respects them.
        flushing = Thread(target=self._provider.shutdown, daemon=True)
        flushing.start()
        flushing.join(_FLUSH)
        if flushing.is_alive():
            logger.warning(
                "the last spans are lost: the collector did not accept them within %g s", _FLUSH
            )


def from_environment() -> Tracing:
    """Create the tracing that the variables ``OTEL_*`` configure.

    Raises:
        SettingsError: a variable is invalid, or names a package that is not installed.
    """
    try:
        processors = [BatchSpanProcessor(exporter) for exporter in _exporters()]
    except ImportError as error:
        raise SettingsError(f"{error}: pip install 'oip-translator[tracing]'") from error
    except SettingsError:
        raise
    except Exception as error:  # exporters raise any exception
        raise SettingsError(f"invalid OTEL_* variables for tracing: {error}") from error
    provider = TracerProvider(resource=resource(), shutdown_on_exit=False)
    for processor in processors:
        provider.add_span_processor(processor)
    quieten()
    return Tracing(provider)


def resource() -> Resource:
    """The resource that sends the spans. The environment overrides its attributes."""
    ours = Resource.create(
        {
            "service.name": "oip-translator",
            "service.version": __version__,
            "service.instance.id": str(uuid4()),
            "process.pid": os.getpid(),
        }
    )
    return ours.merge(OTELResourceDetector().detect())


def _exporters() -> Iterable[SpanExporter]:
    for name in os.environ.get(_EXPORTERS, "otlp").split(","):
        match name.strip():
            case "otlp" | "":
                yield _otlp()
            case "console":
                yield ConsoleSpanExporter(out=sys.stderr)  # like the log
            case "none":
                pass
            case other:
                raise SettingsError(
                    f"variable {_EXPORTERS} cannot be {other!r}; allowed: otlp, console, none"
                )


def _otlp() -> SpanExporter:
    names = (OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, OTEL_EXPORTER_OTLP_PROTOCOL)
    variable = next((name for name in names if os.environ.get(name)), names[1])
    # Each imports large libraries, so only the selected one is imported.
    match os.environ.get(variable) or "http/protobuf":
        case "http/protobuf":
            from opentelemetry.exporter.otlp.proto.http import trace_exporter as by_http  # noqa: PLC0415 -- see above

            return by_http.OTLPSpanExporter()
        case "grpc":
            from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as by_grpc  # noqa: PLC0415 -- see above

            return by_grpc.OTLPSpanExporter()
        case other:
            raise SettingsError(
                f"variable {variable} cannot be {other!r}; allowed: http/protobuf, grpc"
            )


class RateLimited(logging.Handler):
    """Passes a complaint on to the root logger's handlers at most once a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._repeats = Repeats(times=1)

    def emit(self, record: logging.LogRecord) -> None:
        """See :class:`logging.Handler`."""
        for admitted in self._repeats.admitted(record):
            logging.getLogger().handle(admitted)


def quieten() -> None:
    """Limit each log message of OpenTelemetry to once a minute, such as for a missing collector."""
    library = logging.getLogger("opentelemetry")
    library.handlers, library.propagate = [RateLimited()], False
    # Its warnings about invalid headers contain what clients sent.
    logging.getLogger("opentelemetry.trace").setLevel(logging.ERROR)
