"""The limit of concurrent exchanges."""

import json
from typing import Any

import pytest

from tests.unit import envoy
from translator.extproc._proto.external_processor_pb2 import ProcessingResponse
from translator.extproc.session import Session
from translator.serving.sessions import Sessions
from translator.settings.current import CurrentSettings


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(CurrentSettings({"max_exchanges": "2"}, {}, None))


def ask(session: Session, headers: dict[str, str] | None = None) -> ProcessingResponse:
    message = envoy.request_headers(headers).SerializeToString()
    return ProcessingResponse.FromString(session.handle(message))


def test_too_many_exchanges_get_503(sessions: Sessions) -> None:
    first, second, third = (sessions.new(dict) for _ in range(3))
    assert ask(first).HasField("request_headers")
    assert ask(second).HasField("request_headers")
    refused = ask(third).immediate_response
    assert refused.status.code == 503
    headers = envoy.set_headers(refused.headers)
    assert headers["retry-after"] == "1"
    assert "x-should-retry" not in headers
    error = json.loads(refused.body)["error"]
    assert (error["type"], error["code"]) == ("server_error", "overloaded")


def test_an_exchange_that_ends_makes_room_for_another(sessions: Sessions) -> None:
    first, _, third = (sessions.new(dict) for _ in range(3))
    assert ask(third).HasField("immediate_response")
    first.close()
    third.close()
    assert sessions.open == 1
    assert ask(sessions.new(dict)).HasField("request_headers")


def test_other_paths_pass_even_if_overloaded(sessions: Sessions) -> None:
    *_, third = (sessions.new(dict) for _ in range(3))
    plain = {**envoy.POST_CHAT, ":path": "/v2/models/m/infer"}
    assert ask(third, plain).HasField("mode_override")


def test_a_refusal_is_recorded(sessions: Sessions) -> None:
    records: list[Any] = []
    sessions.listeners.append(records.append)
    *_, third = (sessions.new(dict) for _ in range(3))
    ask(third)
    third.close()
    assert [(record.status, record.error) for record in records] == [(503, "overloaded")]
