"""The metrics of exchanges."""

import logging
import re

import pytest

from translator import __version__
from translator.exchange.record import Record
from translator.serving.log_writer import LogWriter
from translator.serving.metrics import Metrics
from translator.serving.sessions import Sessions
from translator.settings.current import CurrentSettings
from translator.tasks.repair import Repair
from translator.transport.service import Stream


@pytest.fixture
def current() -> CurrentSettings:
    return CurrentSettings({}, {}, None)


@pytest.fixture
def sessions(current: CurrentSettings) -> Sessions:
    return Sessions(current)


@pytest.fixture
def metrics(sessions: Sessions, current: CurrentSettings) -> Metrics:
    return Metrics(sessions, current)


def values(metrics: Metrics) -> dict[str, float]:
    """Every sample by its name and labels."""
    lines = metrics.render().decode().splitlines()
    samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}


def chat(**facts: object) -> Record:
    known = {"operation": "chat/completions", "model": "m", "status": 200, "upstream_status": 200}
    return Record(**{**known, "ended_after": 0.5, "complete": True, **facts})  # type: ignore[arg-type] # by name


def test_an_exchange_is_counted_once_with_all_its_facts(metrics: Metrics) -> None:
    metrics.count(chat(request_bytes=10, response_bytes=20, first_event_after=0.03))
    found = values(metrics)
    asked = 'gen_ai_operation_name="chat",gen_ai_request_model="m"'
    duration = "gen_ai_server_request_duration_seconds"
    labels = f'{{error_type="",{asked}}}'
    assert found[f"{duration}_count{labels}"] == 1
    assert found[f"{duration}_sum{labels}"] == 0.5
    assert found[f"gen_ai_server_time_to_first_token_seconds_sum{{{asked}}}"] == 0.03
    answered = 'gen_ai_operation_name="chat",status="200",upstream_status="200"'
    assert found[f"oip_translator_responses_total{{{answered}}}"] == 1
    assert found['oip_translator_bytes_total{direction="request"}'] == 10
    assert found['oip_translator_bytes_total{direction="response"}'] == 20
    assert not any("abandoned" in name for name in found)


def test_a_whole_answer_has_no_first_token(metrics: Metrics) -> None:
    metrics.count(chat())
    assert not any("first_token" in name for name in values(metrics))


def test_errors_and_disconnects_are_counted_separately(metrics: Metrics) -> None:
    metrics.count(chat(error="upstream_error", status=502))
    metrics.count(chat(complete=False))
    found = values(metrics)
    assert any('error_type="upstream_error"' in name for name in found)
    assert found['oip_translator_abandoned_total{gen_ai_operation_name="chat"}'] == 1


def test_what_was_repaired_is_counted_by_kind(metrics: Metrics) -> None:
    metrics.count(chat(repairs=frozenset({Repair.USAGE, Repair.TOOL_CALL})))
    metrics.count(chat(repairs=frozenset({Repair.USAGE})))
    found = values(metrics)
    asked = 'gen_ai_operation_name="chat",gen_ai_request_model="m"'
    assert found[f'oip_translator_repairs_total{{{asked},kind="usage"}}'] == 2
    assert found[f'oip_translator_repairs_total{{{asked},kind="tool_call"}}'] == 1


def test_fields_that_were_dropped_are_counted_by_name(metrics: Metrics) -> None:
    metrics.count(chat(dropped=("message.other", "part.cache_control")))
    metrics.count(chat(dropped=("part.cache_control",)))
    found = values(metrics)
    asked = 'gen_ai_operation_name="chat",gen_ai_request_model="m"'
    name = "oip_translator_dropped_fields_total"
    counted = {labels: value for labels, value in found.items() if labels.startswith(name)}
    assert counted == {
        f'{name}{{field="part.cache_control",{asked}}}': 2,
        f'{name}{{field="message.other",{asked}}}': 1,
    }


def test_bypassed_exchanges_are_not_counted(metrics: Metrics) -> None:
    metrics.count(Record(status=200))
    assert not any("answers" in name for name in values(metrics))


def test_tokens_are_counted_by_requested_and_response_model(metrics: Metrics) -> None:
    metrics.count(chat(input_tokens=7, output_tokens=5, response_model="m_1"))
    metrics.count(chat(input_tokens=3, response_model="m_1"))
    metrics.count(chat())
    found = values(metrics)
    labels = 'gen_ai_operation_name="chat",gen_ai_request_model="m",gen_ai_response_model="m_1"'
    usage = "gen_ai_client_token_usage"
    assert found[f'{usage}_sum{{{labels},gen_ai_token_type="input"}}'] == 10
    assert found[f'{usage}_sum{{{labels},gen_ai_token_type="output"}}'] == 5
    assert sum(value for name, value in found.items() if name.startswith(f"{usage}_count")) == 3


OF_EACH = "gen_ai_server_time_per_output_token_seconds_sum"


def test_the_time_of_a_token_is_that_of_those_after_the_first(metrics: Metrics) -> None:
    metrics.count(chat(first_event_after=0.1, output_tokens=5))
    [per_token] = [value for name, value in values(metrics).items() if name.startswith(OF_EACH)]
    assert per_token == pytest.approx(0.1)


@pytest.mark.parametrize(
    "facts",
    [
        {"output_tokens": None},
        {"output_tokens": 1},
        {"first_event_after": None},
        {"complete": False},
        {"error": "upstream_error"},
    ],
)
def test_the_time_per_token_is_omitted_if_unknown(
    metrics: Metrics, facts: dict[str, object]
) -> None:
    metrics.count(chat(**{"first_event_after": 0.1, "output_tokens": 5, **facts}))
    assert not any(name.startswith(OF_EACH) for name in values(metrics))


def test_errors_are_counted_by_phase(metrics: Metrics) -> None:
    metrics.count(chat(error="unreadable", error_phase="response_body"))
    labels = 'error_type="unreadable",gen_ai_operation_name="chat",phase="response_body"'
    assert values(metrics)[f"oip_translator_phase_errors_total{{{labels}}}"] == 1


def test_unknown_errors_are_counted_together(metrics: Metrics) -> None:
    for number in range(150):
        metrics.count(chat(error=f"code-{number}", error_phase="response_body"))
    kinds = [name for name in values(metrics) if name.startswith("oip_translator_phase_errors")]
    assert len(kinds) == 101


def test_time_spent_on_an_exchange_is_counted(metrics: Metrics) -> None:
    metrics.count(chat(busy=0.25))
    name = 'oip_translator_translation_seconds_sum{gen_ai_operation_name="chat"}'
    assert values(metrics)[name] == 0.25


def models(metrics: Metrics) -> set[str]:
    found = (re.search(r'request_model="([^"]*)"', name) for name in values(metrics))
    return {match[1] for match in found if match}


@pytest.mark.parametrize(
    "facts", [*({"upstream_status": status} for status in (0, 400, 404, 429, 503)), {"model": ""}]
)
def test_unknown_models_are_counted_together(metrics: Metrics, facts: dict[str, object]) -> None:
    metrics.count(chat(**facts))
    assert models(metrics) == {"other"}


def test_further_models_are_counted_together(metrics: Metrics) -> None:
    for number in range(150):
        metrics.count(chat(model=f"m{number}"))
    assert len(models(metrics)) == 101
    metrics.count(chat(model="m0"))
    assert "m0" in models(metrics)


def test_exchanges_in_progress_are_a_gauge(sessions: Sessions, metrics: Metrics) -> None:
    session = sessions.new(Stream(dict, ""))
    assert values(metrics)["oip_translator_exchanges"] == 1
    session.close()
    assert values(metrics)["oip_translator_exchanges"] == 0


def test_reloads_are_counted(current: CurrentSettings, metrics: Metrics) -> None:
    current.reload()
    assert values(metrics)['oip_translator_reloads_total{outcome="taken"}'] == 1
    assert values(metrics)['oip_translator_reloads_total{outcome="refused"}'] == 0


def test_every_session_that_ends_is_counted(sessions: Sessions, metrics: Metrics) -> None:
    session = sessions.new(Stream(dict, ""))
    session.exchange.record.operation = "embeddings"
    session.close()
    assert any('gen_ai_operation_name="embeddings"' in name for name in values(metrics))


def test_reloads_of_the_certificate_are_counted(
    sessions: Sessions, current: CurrentSettings
) -> None:
    reloads = {"taken": 0, "refused": 0}
    metrics = Metrics(sessions, current, reloads)
    reloads["taken"] += 2
    assert values(metrics)['oip_translator_certificate_reloads_total{outcome="taken"}'] == 2
    assert values(metrics)['oip_translator_certificate_reloads_total{outcome="refused"}'] == 0


def test_lines_that_the_log_does_not_have_are_counted(
    sessions: Sessions, current: CurrentSettings
) -> None:
    log = LogWriter(None)
    metrics = Metrics(sessions, current, log=log)
    for _ in range(12):
        log.handle(logging.LogRecord("x", logging.WARNING, "", 0, "bad", None, None))
    log.flush()  # with one line about the repeated ones
    found = values(metrics)
    assert found['oip_translator_log_lines_missing_total{reason="dropped"}'] == 11
    assert found['oip_translator_log_lines_missing_total{reason="repeated"}'] == 2


def test_process_metrics_are_included(metrics: Metrics) -> None:
    found = values(metrics)
    assert found["process_cpu_seconds_total"] > 0
    assert found["process_resident_memory_bytes"] > 0
    assert found[f'oip_translator_build_info{{version="{__version__}"}}'] == 1
    assert found["oip_translator_max_exchanges"] == 10_000


def test_counters_have_no_created_series(metrics: Metrics) -> None:
    metrics.count(chat())
    assert b"_created" not in metrics.render()
