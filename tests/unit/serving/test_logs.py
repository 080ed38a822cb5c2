"""The log, as text and JSON."""

import json
import logging
import sys

import pytest

from translator.exchange.record import Record
from translator.serving.logs import JsonFormatter, TextFormatter, log_exchange

RECORD = Record(
    request_id="req-1",
    operation="chat/completions",
    model="chat",
    response_model="chat_1",
    status=200,
    upstream_status=200,
    request_bytes=10,
    response_bytes=20,
    input_tokens=7,
    busy=0.001,
    forwarded_after=0.125,
    responded_after=0.25,
    ended_after=0.5,
    complete=True,
)


def as_json(record: logging.LogRecord) -> dict[str, object]:
    line = JsonFormatter().format(record)
    assert "\n" not in line
    return dict(json.loads(line))


def test_an_exchange_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_exchange(RECORD)
    [line] = caplog.messages
    assert line == (
        "req-1 chat/completions chat 200 after 0.500 s, upstream 200, 10 bytes in, 20 out, "
        "tokens 7 in, - out"
    )


def test_an_error_is_at_the_end_of_the_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_exchange(Record(operation="embeddings", status=404, error="model_not_found"))
    assert caplog.messages[0].endswith("0 out, model_not_found, incomplete")


def test_a_bypassed_exchange_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_exchange(Record(status=200))
    assert caplog.messages == []


def test_below_info_an_exchange_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    log_exchange(RECORD)
    assert caplog.messages == []


def test_in_json_every_fact_is_a_field(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_exchange(RECORD)
    line = as_json(caplog.records[0])
    assert set(line) == {"time", "level", "logger", "message", "exchange"}
    assert (line["level"], line["logger"]) == ("INFO", "translator.access")
    assert line["exchange"] == {
        "request_id": "req-1",
        "operation": "chat/completions",
        "model": "chat",
        "response_model": "chat_1",
        "streamed": False,
        "status": 200,
        "upstream_status": 200,
        "error": "",
        "error_phase": "",
        "input_tokens": 7,
        "output_tokens": None,
        "request_bytes": 10,
        "response_bytes": 20,
        "busy": 0.001,
        "forwarded_after": 0.125,
        "responded_after": 0.25,
        "first_event_after": None,
        "ended_after": 0.5,
        "complete": True,
        "repairs": [],
        "dropped": [],
    }


def test_a_time_is_utc_with_milliseconds() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "said", None, None)
    record.created, record.msecs = 1_700_000_000.25, 250.0
    assert as_json(record)["time"] == "2023-11-14T22:13:20.250Z"


def test_in_json_an_exception_is_on_one_line() -> None:
    try:
        int("first\nsecond")
    except ValueError:
        info = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, "", 0, "%s failed", ("it",), info)
    line = as_json(record)
    assert line["message"] == "it failed"
    assert str(line["exception"]).endswith("\nValueError")


def failed(said: str) -> logging.LogRecord:
    """What a fault leaves to log, one exception having led to another."""
    try:
        try:
            {"known": 1}.pop(said)
        except KeyError:
            int(said)
    except ValueError:
        info = sys.exc_info()
    return logging.LogRecord("x", logging.ERROR, "", 0, "%s failed", ("it",), info)


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_exceptions_are_logged_without_messages(
    formatter: logging.Formatter,
) -> None:
    text = formatter.format(failed("secret"))
    assert "secret" not in text
    assert "it failed" in text
    assert text.count("test_logs.py") == 2
    assert text.index("KeyError") < text.index("ValueError")


def test_invalid_utf_8_in_a_header_is_logged() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "said %s", ("\udcff",), None)
    record.exchange = Record(request_id="\udcff", status=200)
    line = as_json(record)
    assert line["message"] == "said ?"
    assert dict(line["exchange"])["request_id"] == "?"  # type: ignore[call-overload] # it is one
    assert dict(line["exchange"])["status"] == 200  # type: ignore[call-overload] # it is one


def test_control_characters_are_escaped() -> None:
    record = logging.LogRecord(
        "x", logging.INFO, "", 0, "said %s", ("Grüße\n2026 \x1b[2K\udcff",), None
    )
    assert TextFormatter().format(record).endswith(r" said Gr\xfc\xdfe\n2026 \x1b[2K\udcff")
    record.args = ("Grüße",)
    assert TextFormatter().format(record).endswith(" said Grüße")
