"""Metrics of exchanges, for Prometheus.

Where OpenTelemetry's semantic conventions for generative AI define a metric, its name (with
underscores for dots) and its buckets are used; other names begin with ``oip_translator_``. Each
exchange is counted once, when it ends for any reason. Needs the extra ``metrics``.
"""

from collections.abc import Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from translator import __version__
from translator.exchange.record import Record
from translator.operations.registry import OPERATIONS
from translator.serving.conventions import (
    SECONDS_OF_REQUEST,
    SECONDS_PER_TOKEN,
    SECONDS_TO_FIRST_TOKEN,
    TOKENS,
)
from translator.serving.log_writer import LogWriter
from translator.serving.sessions import Sessions
from translator.settings.current import CurrentSettings

_SECONDS_OF_TRANSLATION = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 1),
)
_NONE: Mapping[str, int] = {}
_MOST_NAMES = 100
_OTHER = "other"
_SUCCESS = 2  # hundreds, of an HTTP status

# Creation times are not used, and each would be one more time series per counter.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one process.

    Args:
        sessions: the sessions, whose exchanges are counted.
        current: the settings, whose reloads are counted.
        certificate_reloads: reloads of the certificate, by outcome.
        log: its missing lines are counted; None for a process that writes none.
    """

    def __init__(
        self,
        sessions: Sessions,
        current: CurrentSettings,
        certificate_reloads: Mapping[str, int] = _NONE,
        log: LogWriter | None = None,
    ) -> None:
        self._models = _Names()
        self._response_models = _Names()
        self._errors = _Names()
        self._registry = registry = CollectorRegistry()
        asked = ["gen_ai_operation_name", "gen_ai_request_model"]
        self._duration = Histogram(
            "gen_ai_server_request_duration_seconds",
            "Time from the request headers to the end of the response.",
            [*asked, "error_type"],
            buckets=SECONDS_OF_REQUEST,
            registry=registry,
        )
        self._first = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "Time from the request headers to the first event of the stream.",
            asked,
            buckets=SECONDS_TO_FIRST_TOKEN,
            registry=registry,
        )
        self._per_token = Histogram(
            "gen_ai_server_time_per_output_token_seconds",
            "Time per output token after the first event, for complete streams.",
            asked,
            buckets=SECONDS_PER_TOKEN,
            registry=registry,
        )
        self._tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens per exchange, as counted by the model server or its provider.",
            [*asked, "gen_ai_response_model", "gen_ai_token_type"],
            buckets=TOKENS,
            registry=registry,
        )
        self._translation = Histogram(
            "oip_translator_translation_seconds",
            "Time that this process spent on an exchange, over all its messages.",
            ["gen_ai_operation_name"],
            buckets=_SECONDS_OF_TRANSLATION,
            registry=registry,
        )
        self._phase_errors = Counter(
            "oip_translator_phase_errors",
            "Errors sent to clients, by the phase of the exchange in which they occurred.",
            ["gen_ai_operation_name", "phase", "error_type"],
            registry=registry,
        )
        self._responses = Counter(
            "oip_translator_responses",
            "Exchanges, by status sent to the client and by upstream status; 0: no response.",
            ["gen_ai_operation_name", "status", "upstream_status"],
            registry=registry,
        )
        self._abandoned = Counter(
            "oip_translator_abandoned",
            "Exchanges that ended before the client had the whole response.",
            ["gen_ai_operation_name"],
            registry=registry,
        )
        self._repairs = Counter(
            "oip_translator_repairs",
            "Exchanges in which the model server's response was repaired, by kind.",
            ["gen_ai_operation_name", "gen_ai_request_model", "kind"],
            registry=registry,
        )
        self._dropped = Counter(
            "oip_translator_dropped_fields",
            "Exchanges in which a field of a message or a content part was not sent to the model, "
            "by name; other: all names that are not well known.",
            ["gen_ai_operation_name", "gen_ai_request_model", "field"],
            registry=registry,
        )
        self._bytes = Counter(
            "oip_translator_bytes",
            "Bytes of request bodies received from clients and response bodies sent to them.",
            ["direction"],
            registry=registry,
        )
        Gauge("oip_translator_exchanges", "Exchanges in progress.", registry=registry).set_function(
            lambda: sessions.open
        )
        Gauge(
            "oip_translator_max_exchanges", "Most concurrent exchanges.", registry=registry
        ).set_function(lambda: current.settings.max_exchanges)
        build = Info("oip_translator_build", "Version of the program.", registry=registry)
        build.info({"version": __version__})
        ProcessCollector(registry=registry)
        registry.register(
            _Counts("oip_translator_reloads", "Settings reloads, by outcome.", current.reloads)
        )
        registry.register(
            _Counts(
                "oip_translator_certificate_reloads",
                "Reloads of the TLS certificate, by outcome.",
                certificate_reloads,
            )
        )
        if log is not None:
            registry.register(_MissingLines(log))
        sessions.listeners.append(self.count)

    def count(self, record: Record) -> None:
        """Count one exchange, if its path is an operation."""
        served = OPERATIONS.get(record.operation)
        if served is None:
            return
        operation = served.telemetry
        model = self._model(record)
        error = self._errors.fold(record.error, new=True) if record.error else ""
        self._duration.labels(operation, model, error).observe(record.ended_after or 0)
        self._translation.labels(operation).observe(record.busy)
        if record.first_event_after is not None:
            self._first.labels(operation, model).observe(record.first_event_after)
        self._count_tokens(record, operation, model)
        if error:
            self._phase_errors.labels(operation, record.error_phase, error).inc()
        self._responses.labels(operation, record.status, record.upstream_status).inc()
        self._bytes.labels("request").inc(record.request_bytes)
        self._bytes.labels("response").inc(record.response_bytes)
        for kind in record.repairs:
            self._repairs.labels(operation, model, kind).inc()
        for field in record.dropped:
            self._dropped.labels(operation, model, field).inc()
        if not record.complete:
            self._abandoned.labels(operation).inc()

    def render(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self._registry)

    def _model(self, record: Record) -> str:
        """The model's name, if it is one of the first names with a successful response; else other.

        Clients can make up names, and those get responses too: errors from Envoy or the server.
        """
        succeeded = record.upstream_status // 100 == _SUCCESS
        return self._models.fold(record.model, new=succeeded)

    def _count_tokens(self, record: Record, operation: str, model: str) -> None:
        named = record.response_model
        response_model = self._response_models.fold(named, new=True) if named else ""
        counts = {"input": record.input_tokens, "output": record.output_tokens}
        for kind, count in counts.items():
            if count is not None:
                self._tokens.labels(operation, model, response_model, kind).observe(count)
        first, last = record.first_event_after, record.ended_after
        further = (record.output_tokens or 0) - 1
        whole = record.complete and not record.error
        if whole and first is not None and last is not None and further > 0:
            self._per_token.labels(operation, model).observe((last - first) / further)


class _Counts(Collector):
    """A counter whose values, by outcome, are in a mapping that other code updates."""

    def __init__(self, name: str, documentation: str, counts: Mapping[str, int]) -> None:
        self._name, self._documentation, self._counts = name, documentation, counts

    def collect(self) -> Iterator[Metric]:
        """See :class:`prometheus_client.registry.Collector`."""
        family = CounterMetricFamily(self._name, self._documentation, labels=["outcome"])
        for outcome, count in self._counts.items():
            family.add_metric([outcome], count)
        yield family


class _MissingLines(Collector):
    """The lines that the log does not have, by reason."""

    def __init__(self, log: LogWriter) -> None:
        self._log = log

    def collect(self) -> Iterator[Metric]:
        """See :class:`prometheus_client.registry.Collector`."""
        family = CounterMetricFamily(
            "oip_translator_log_lines_missing",
            "Lines that were not written to the log: it could not be written, or they repeat.",
            labels=["reason"],
        )
        family.add_metric(["dropped"], self._log.dropped)
        family.add_metric(["repeated"], self._log.repeats.suppressed)
        yield family


class _Names:
    """Bounds the values of a label: keeps the first names, folds all others into one."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def fold(self, name: str, *, new: bool) -> str:
        """The name if it is known, else ``other``; with ``new`` it may become known."""
        if new and name and len(self._known) < _MOST_NAMES:
            self._known.add(name)
        return name if name in self._known else _OTHER
