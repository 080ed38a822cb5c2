"""What exchanges came to, counted for Prometheus.

Names and buckets are those of OpenTelemetry's semantic conventions for generative AI servers, with
dots as underscores, where there is one; the rest begins with ``oip_translator_``. Each exchange is
counted once, at its end, whoever ended it. Needs the extra ``metrics``.
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

# Nobody here asks when a counter was made, and each would have a series for it.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one process.

    Args:
        sessions: whose exchanges are counted.
        current: the settings, whose reloads are counted.
        certificate_reloads: those of the certificate, by what came of them.
    """

    def __init__(
        self,
        sessions: Sessions,
        current: CurrentSettings,
        certificate_reloads: Mapping[str, int] = _NONE,
    ) -> None:
        self._models = _Names()
        self._answering = _Names()
        self._errors = _Names()
        self._registry = registry = CollectorRegistry()
        asked = ["gen_ai_operation_name", "gen_ai_request_model"]
        self._duration = Histogram(
            "gen_ai_server_request_duration_seconds",
            "From a request's headers to the end of its answer.",
            [*asked, "error_type"],
            buckets=SECONDS_OF_REQUEST,
            registry=registry,
        )
        self._first = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "From a request's headers to the first event of its stream.",
            asked,
            buckets=SECONDS_TO_FIRST_TOKEN,
            registry=registry,
        )
        self._per_token = Histogram(
            "gen_ai_server_time_per_output_token_seconds",
            "Of a whole stream after its first event, for each further token.",
            asked,
            buckets=SECONDS_PER_TOKEN,
            registry=registry,
        )
        self._tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of an exchange, as the server or its provider counted them.",
            [*asked, "gen_ai_response_model", "gen_ai_token_type"],
            buckets=TOKENS,
            registry=registry,
        )
        self._translation = Histogram(
            "oip_translator_translation_seconds",
            "What this process spent on an exchange, all its messages together.",
            ["gen_ai_operation_name"],
            buckets=_SECONDS_OF_TRANSLATION,
            registry=registry,
        )
        self._phase_errors = Counter(
            "oip_translator_phase_errors",
            "Errors that clients were told of, by the message of the exchange that led to them.",
            ["gen_ai_operation_name", "phase", "error_type"],
            registry=registry,
        )
        self._answers = Counter(
            "oip_translator_answers",
            "Exchanges, by what the client and the model server answered; 0 is no answer.",
            ["gen_ai_operation_name", "status", "upstream_status"],
            registry=registry,
        )
        self._abandoned = Counter(
            "oip_translator_abandoned",
            "Exchanges that ended before the client had all of its answer.",
            ["gen_ai_operation_name"],
            registry=registry,
        )
        self._repairs = Counter(
            "oip_translator_repairs",
            "Exchanges in which something the model server said was repaired, by kind.",
            ["gen_ai_operation_name", "gen_ai_request_model", "kind"],
            registry=registry,
        )
        self._bytes = Counter(
            "oip_translator_bytes",
            "Bytes of clients' bodies.",
            ["direction"],
            registry=registry,
        )
        Gauge("oip_translator_exchanges", "Exchanges under way.", registry=registry).set_function(
            lambda: sessions.open
        )
        Gauge(
            "oip_translator_max_exchanges", "How many there may be at once.", registry=registry
        ).set_function(lambda: current.settings.max_exchanges)
        Info("oip_translator_build", "What runs.", registry=registry).info({"version": __version__})
        ProcessCollector(registry=registry)
        registry.register(
            _Counts("oip_translator_reloads", "Changes of the settings.", current.reloads)
        )
        registry.register(
            _Counts(
                "oip_translator_certificate_reloads",
                "Changes of the TLS certificate.",
                certificate_reloads,
            )
        )
        sessions.listeners.append(self.count)

    def count(self, record: Record) -> None:
        """Count one exchange, if it was ours."""
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
        self._answers.labels(operation, record.status, record.upstream_status).inc()
        self._bytes.labels("request").inc(record.request_bytes)
        self._bytes.labels("answer").inc(record.answer_bytes)
        for kind in record.repairs:
            self._repairs.labels(operation, model, kind.value).inc()
        if not record.complete:
            self._abandoned.labels(operation).inc()

    def render(self) -> bytes:
        """All of them in Prometheus's text format."""
        return generate_latest(self._registry)

    def _model(self, record: Record) -> str:
        """The model's name, if it is one of the first that answered well.

        Clients can make up names, and those too are answered: by Envoy where there is no server or
        a limit is reached, and by servers with any status that is an error's.
        """
        answered = record.upstream_status // 100 == _SUCCESS
        return self._models.fold(record.model, new=answered)

    def _count_tokens(self, record: Record, operation: str, model: str) -> None:
        told = record.response_model
        answered_by = self._answering.fold(told, new=True) if told else ""
        counts = {"input": record.input_tokens, "output": record.output_tokens}
        for kind, count in counts.items():
            if count is not None:
                self._tokens.labels(operation, model, answered_by, kind).observe(count)
        first, last = record.first_event_after, record.ended_after
        further = (record.output_tokens or 0) - 1
        whole = record.complete and not record.error
        if whole and first is not None and last is not None and further > 0:
            self._per_token.labels(operation, model).observe((last - first) / further)


class _Counts(Collector):
    """A counter that somebody else counts, by what came of each."""

    def __init__(self, name: str, documentation: str, counts: Mapping[str, int]) -> None:
        self._name, self._documentation, self._counts = name, documentation, counts

    def collect(self) -> Iterator[Metric]:
        """See :class:`prometheus_client.registry.Collector`."""
        family = CounterMetricFamily(self._name, self._documentation, labels=["outcome"])
        for outcome, count in self._counts.items():
            family.add_metric([outcome], count)
        yield family


class _Names:
    """The first names of some kind; the others are one, so that there is no end of time series."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def fold(self, name: str, *, new: bool) -> str:
        """The name, or ``other``. ``new``: it may become one of those that are known."""
        if new and name and len(self._known) < _MOST_NAMES:
            self._known.add(name)
        return name if name in self._known else _OTHER
