"""What exchanges came to, counted for Prometheus.

Names and buckets are those of OpenTelemetry's semantic conventions for generative AI servers, with
dots as underscores, where there is one; the rest begins with ``oip_translator_``. Each exchange is
counted once, at its end, whoever ended it. Needs the extra ``metrics``.
"""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from translator.exchange.record import Record
from translator.serving.current import CurrentSettings
from translator.serving.sessions import Sessions

_OPERATIONS = {
    "chat/completions": "chat",
    "embeddings": "embeddings",
    "images/generations": "generate_content",
}
_DURATIONS = [
    0.01,
    0.02,
    0.04,
    0.08,
    0.16,
    0.32,
    0.64,
    1.28,
    2.56,
    5.12,
    10.24,
    20.48,
    40.96,
    81.92,
]
_FIRST = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
_MOST_MODELS = 100
_OTHER = "other"
_NOT_FOUND = 404


class Metrics:
    """The metrics of one process.

    Args:
        sessions: whose exchanges are counted.
        current: the settings, whose reloads are counted.
    """

    def __init__(self, sessions: Sessions, current: CurrentSettings) -> None:
        self._models: set[str] = set()
        self._registry = registry = CollectorRegistry()
        asked = ["gen_ai_operation_name", "gen_ai_request_model"]
        self._duration = Histogram(
            "gen_ai_server_request_duration_seconds",
            "From a request's headers to the end of its answer.",
            [*asked, "error_type"],
            buckets=_DURATIONS,
            registry=registry,
        )
        self._first = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "From a request's headers to the first event of its stream.",
            asked,
            buckets=_FIRST,
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
        self._bytes = Counter(
            "oip_translator_bytes",
            "Bytes of clients' bodies.",
            ["direction"],
            registry=registry,
        )
        Gauge("oip_translator_exchanges", "Exchanges under way.", registry=registry).set_function(
            lambda: sessions.open
        )
        reloads = Gauge(
            "oip_translator_reloads", "Changes of the settings.", ["outcome"], registry=registry
        )
        for outcome in current.reloads:
            reloads.labels(outcome).set_function(partial(current.reloads.__getitem__, outcome))
        sessions.listeners.append(self.count)

    def count(self, record: Record) -> None:
        """Count one exchange, if it was ours."""
        operation = _OPERATIONS.get(record.operation)
        if operation is None:
            return
        model = self._model(record)
        self._duration.labels(operation, model, record.error).observe(record.ended_after or 0)
        if record.first_event_after is not None:
            self._first.labels(operation, model).observe(record.first_event_after)
        self._answers.labels(operation, record.status, record.upstream_status).inc()
        self._bytes.labels("request").inc(record.request_bytes)
        self._bytes.labels("answer").inc(record.answer_bytes)
        if not record.complete:
            self._abandoned.labels(operation).inc()

    def render(self) -> bytes:
        """All of them in Prometheus's text format."""
        return generate_latest(self._registry)

    def _model(self, record: Record) -> str:
        """The model's name, if it is one of the first that answered; clients can make up names."""
        known = record.model in self._models
        if not known and record.model and record.upstream_status not in (0, _NOT_FOUND):
            known = len(self._models) < _MOST_MODELS
            if known:
                self._models.add(record.model)
        return record.model if known else _OTHER
