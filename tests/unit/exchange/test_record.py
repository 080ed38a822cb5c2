"""What an exchange came to, however it ends."""

import json
import logging
from typing import Any

import pytest

from tests import oip
from tests.unit import envoy
from tests.unit.events import event
from translator.exchange.record import Record
from translator.extproc.session import Session

HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
BODY = json.dumps(HELLO).encode()
STREAMED = json.dumps({**HELLO, "stream": True}).encode()
ANSWER = json.dumps(oip.answer("Hi")).encode()
COUNTS = {"prompt_tokens": 7, "completion_tokens": 5}


class Told:
    """A session, and what it tells at its end."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.session = Session(on_end=self.records.append)

    def show(self, *requests: Any) -> None:
        for request in requests:
            self.session.handle(request.SerializeToString())

    def end(self) -> Record:
        self.session.close()
        [record] = self.records
        assert record.ended_after is not None
        assert record.ended_after >= (record.responded_after or 0) >= 0
        return record


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_whole_answer(told: Told) -> None:
    told.show(
        envoy.request_headers({**envoy.POST_CHAT, "x-request-id": "id-7"}), envoy.request_body(BODY)
    )
    told.show(envoy.response_headers(), envoy.response_body(ANSWER))
    record = told.end()
    assert (record.request_id, record.operation, record.model) == ("id-7", "chat/completions", "m")
    assert (record.status, record.upstream_status, record.error) == (200, 200, "")
    assert (record.streamed, record.complete) == (False, True)
    assert record.request_bytes == len(BODY)
    assert record.response_bytes > len("Hi")
    assert (record.response_model, record.input_tokens) == ("chat_1", None)
    assert 0 <= (record.forwarded_after or -1) <= (record.responded_after or -1)
    assert record.busy > 0


def test_tokens_of_a_whole_answer(told: Told) -> None:
    told.show(envoy.request_headers(), envoy.request_body(BODY))
    counted = json.dumps({**oip.answer("Hi"), "parameters": COUNTS}).encode()
    told.show(envoy.response_headers(), envoy.response_body(counted))
    record = told.end()
    assert (record.input_tokens, record.output_tokens) == (7, 5)


@pytest.mark.parametrize("left", [True, False])
def test_tokens_of_a_stream_are_known_as_soon_as_they_come(told: Told, *, left: bool) -> None:
    told.show(envoy.request_headers(), envoy.request_body(STREAMED))
    told.show(envoy.response_headers(envoy.EVENTS))
    first, last = ({**oip.answer("Hi"), "parameters": {name: n}} for name, n in COUNTS.items())
    told.show(envoy.response_body(event(first) + event(last), end_of_stream=False))
    if not left:
        told.show(envoy.response_body(b"", end_of_stream=True))
    record = told.end()
    assert (record.input_tokens, record.output_tokens) == (7, 5)
    assert (record.response_model, record.complete) == ("chat_1", not left)


def test_a_stream(told: Told) -> None:
    told.show(envoy.request_headers(), envoy.request_body(STREAMED))
    told.show(envoy.response_headers(envoy.EVENTS))
    told.show(envoy.response_body(event(oip.answer("Hi")), end_of_stream=False))
    told.show(envoy.response_body(b"", end_of_stream=True))
    record = told.end()
    assert (record.status, record.streamed, record.complete, record.error) == (200, True, True, "")
    assert record.response_bytes > len(b"data: [DONE]\n\n")


def test_a_stream_that_its_client_left(told: Told) -> None:
    told.show(envoy.request_headers(), envoy.request_body(STREAMED))
    told.show(envoy.response_headers(envoy.EVENTS))
    told.show(envoy.response_body(event(oip.answer("Hi")), end_of_stream=False))
    record = told.end()
    assert (record.status, record.complete) == (200, False)
    assert record.response_bytes > 0


def test_an_error_inside_a_stream(told: Told) -> None:
    told.show(envoy.request_headers(), envoy.request_body(STREAMED))
    told.show(envoy.response_headers(envoy.EVENTS))
    told.show(envoy.response_body(event({"error": "out of memory"}), end_of_stream=True))
    record = told.end()
    assert (record.status, record.error, record.complete) == (200, "upstream_error", True)
    assert record.error_phase == "response_body"


def test_a_request_that_is_refused(told: Told) -> None:
    told.show(envoy.request_headers(), envoy.request_body(b"{}"))
    record = told.end()
    assert (record.status, record.upstream_status, record.model) == (400, 0, "")
    assert (record.error, record.complete) == ("invalid_request_error", True)
    assert record.error_phase == "request_body"


def test_an_error_of_upstreams(told: Told) -> None:
    told.show(envoy.request_headers(), envoy.request_body(BODY))
    told.show(envoy.response_headers({":status": "503"}), envoy.response_body(b""))
    record = told.end()
    assert (record.status, record.upstream_status) == (503, 503)
    assert record.error == "service_unavailable"


def test_a_request_that_was_given_up_before_its_answer(told: Told) -> None:
    told.show(envoy.request_headers(), envoy.request_body(BODY))
    record = told.end()
    assert (record.status, record.upstream_status, record.complete) == (0, 0, False)
    assert record.responded_after is None


def test_what_is_not_openais_has_no_operation(told: Told) -> None:
    told.show(envoy.request_headers({**envoy.POST_CHAT, ":path": "/v2/models/m/infer"}))
    assert told.end().operation == ""


def test_an_operation_that_is_not_served_is_recorded_all_the_same(told: Told) -> None:
    told.show(envoy.request_headers({**envoy.POST_CHAT, ":path": "/v1/nothing"}))
    record = told.end()
    assert (record.operation, record.status, record.error) == ("unknown", 404, "unknown_url")


def test_of_a_servers_words_no_more_is_kept_than_a_name_may_have(told: Told) -> None:
    told.show(envoy.request_headers(envoy.POST_CHAT), envoy.request_body(BODY))
    answer = json.dumps({**oip.answer("Hi"), "model_name": "x" * 100_000}).encode()
    told.show(envoy.response_headers(), envoy.response_body(answer))
    assert told.end().response_model == "x" * 512


def test_nor_of_its_errors(told: Told) -> None:
    told.show(envoy.request_headers(envoy.POST_CHAT), envoy.request_body(BODY))
    said = json.dumps({"error": {"message": "no", "code": "x" * 100_000}})
    output = {"name": "output_all", "datatype": "BYTES", "shape": [1], "data": [said]}
    answer = json.dumps({**oip.answer("Hi"), "outputs": [output]}).encode()
    told.show(envoy.response_headers(), envoy.response_body(answer))
    assert told.end().error == "x" * 512


def test_fields_that_the_model_is_not_sent(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "translator.exchange")
    part = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}
    message = {"role": "user", "content": [part], "annotations": [], "made\nup": "secret"}
    body = json.dumps({"model": "m", "messages": [message]}).encode()
    told.show(envoy.request_headers({**envoy.POST_CHAT, "x-request-id": "id-7"}))
    told.show(envoy.request_body(body))
    dropped = ("message.annotations", "message.other", "part.cache_control")
    assert told.end().dropped == dropped
    assert f"id-7: dropped {', '.join(dropped)} for m" in caplog.messages
