"""The metrics of several workers in one page."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.parser import text_string_to_metric_families

from translator.serving.worker import Ready, Worker
from translator.serving.worker_metrics import render

disable_created_metrics()  # type: ignore[no-untyped-call] # as translator.serving.metrics does


def exposition(value: int) -> str:
    registry = CollectorRegistry()
    Counter("answers", 'Of "all".', ["status"], registry=registry).labels('"2"\n\\').inc(value)
    Gauge("exchanges", "Now.", registry=registry).set(value)
    Histogram("seconds", "Time.", ["model"], buckets=[1], registry=registry).labels("m").observe(2)
    return generate_latest(registry).decode()


def workers(count: int = 2) -> list[Worker]:
    return [Worker(index, []) for index in range(count)]


def samples(text: str) -> dict[tuple[str, str], float]:
    """By their names and workers."""
    return {
        (sample.name, sample.labels.get("worker", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_sample_has_a_worker_label() -> None:
    text = render(workers(), {0: exposition(3), 1: exposition(5)}).decode()
    assert 'answers_total{status="\\"2\\"\\n\\\\",worker="1"} 5.0' in text
    assert 'seconds_bucket{le="1.0",model="m",worker="0"} 0.0' in text
    assert 'seconds_bucket{le="+Inf",model="m",worker="0"} 1.0' in text
    found = samples(text)
    assert found["exchanges", "0"] == 3
    assert found["exchanges", "1"] == 5
    assert found["seconds_count", "1"] == 1


def test_a_family_has_one_help_and_one_type_and_its_samples_stand_together() -> None:
    single = exposition(1)
    text = render(workers(), {0: single, 1: single}).decode()
    for line in single.splitlines():
        if line.startswith("#"):
            assert text.count(f"{line}\n") == 1
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    families = list(text_string_to_metric_families(text))
    assert [family.name for family in families] == [name.removesuffix("_total") for name in names]


def test_the_samples_are_those_of_the_workers() -> None:
    text = render(workers(), {0: exposition(3)}).decode()
    ours = {
        (sample.name, *sorted((sample.labels | {"worker": "0"}).items()), sample.value)
        for family in text_string_to_metric_families(exposition(3))
        for sample in family.samples
    }
    merged = {
        (sample.name, *sorted(sample.labels.items()), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.startswith("oip_")
    }
    assert merged == ours


def test_the_supervisor_has_metrics_of_its_workers() -> None:
    both = workers()
    both[1].ready = Ready("here", None)
    both[1].restarts = 4
    both[0].replacements = 5
    found = samples(render(both, {}).decode())
    assert found == {
        ("oip_translator_worker_replacements_total", "0"): 5,
        ("oip_translator_worker_replacements_total", "1"): 0,
        ("oip_translator_worker_restarts_total", "0"): 0,
        ("oip_translator_worker_restarts_total", "1"): 4,
        ("oip_translator_workers_ready", ""): 1,
    }
