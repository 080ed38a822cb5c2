"""The metrics of several workers as one exposition, with a label ``worker``.

Needs the extra ``metrics``.
"""

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from translator.serving.worker import Worker


def render(workers: Sequence[Worker], expositions: Mapping[int, str]) -> bytes:
    """All metrics in Prometheus's text format.

    Args:
        workers: their restarts and readiness are added.
        expositions: the text of each worker that has one, by its number.
    """
    registry = CollectorRegistry()
    registry.register(_Collected([*_of_supervisor(workers), *_merged(expositions)]))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _of_supervisor(workers: Sequence[Worker]) -> list[Metric]:
    restarts = CounterMetricFamily(
        "oip_translator_worker_restarts",
        "Unexpected exits of a worker, each followed by a restart.",
        labels=["worker"],
    )
    replacements = CounterMetricFamily(
        "oip_translator_worker_replacements",
        "Exits of a worker after max_exchanges_per_worker, each followed by a start.",
        labels=["worker"],
    )
    for worker in workers:
        restarts.add_metric([str(worker.index)], worker.restarts)
        replacements.add_metric([str(worker.index)], worker.replacements)
    ready = sum(worker.ready is not None for worker in workers)
    return [
        restarts,
        replacements,
        GaugeMetricFamily("oip_translator_workers_ready", "Workers that accept streams.", ready),
    ]


def _merged(expositions: Mapping[int, str]) -> Iterable[Metric]:
    families: dict[str, Metric] = {}
    for index, text in expositions.items():
        for found in text_string_to_metric_families(text):
            family = families.setdefault(
                found.name, Metric(found.name, found.documentation, found.type)
            )
            family.samples += [
                sample._replace(labels={**sample.labels, "worker": str(index)})
                for sample in found.samples
            ]
    return families.values()
