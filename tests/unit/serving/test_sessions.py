"""The limit of concurrent exchanges."""

import json
from typing import Any

import pytest

from tests.unit import envoy
from translator.extproc._proto.external_processor_pb2 import ProcessingResponse
from translator.extproc.session import Session
from translator.serving.sessions import Sessions
from translator.settings.current import CurrentSettings
from translator.transport.service import Stream


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(CurrentSettings({"max_exchanges": "2"}, {}, None))


def stream(connection: str = "") -> Stream:
    return Stream(dict, connection)


def ask(session: Session, headers: dict[str, str] | None = None) -> ProcessingResponse:
    message = envoy.request_headers(headers).SerializeToString()
    return ProcessingResponse.FromString(session.handle(message))


def complete(session: Session) -> ProcessingResponse:
    body = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}'
    message = envoy.request_body(body).SerializeToString()
    return ProcessingResponse.FromString(session.handle(message))


def working(sessions: Sessions, connection: str = "") -> Session:
    """An exchange whose whole request has arrived."""
    session = sessions.new(stream(connection))
    assert ask(session).HasField("request_headers")
    assert complete(session).HasField("request_body")
    return session


def test_too_many_exchanges_get_503(sessions: Sessions) -> None:
    for _ in range(2):
        working(sessions)
    refused = ask(sessions.new(stream())).immediate_response
    assert refused.status.code == 503
    headers = envoy.set_headers(refused.headers)
    assert headers["retry-after"] == "1"
    assert "x-should-retry" not in headers
    error = json.loads(refused.body)["error"]
    assert (error["type"], error["code"]) == ("server_error", "overloaded")


def test_an_exchange_that_ends_makes_room_for_another(sessions: Sessions) -> None:
    first, _ = working(sessions), working(sessions)
    third = sessions.new(stream())
    assert ask(third).HasField("immediate_response")
    first.close()
    third.close()
    assert sessions.open == 1
    assert ask(sessions.new(stream())).HasField("request_headers")


def test_other_paths_pass_even_if_overloaded(sessions: Sessions) -> None:
    for _ in range(2):
        working(sessions)
    third = sessions.new(stream())
    plain = {**envoy.POST_CHAT, ":path": "/v2/models/m/infer"}
    assert ask(third, plain).HasField("mode_override")


def test_enough_exchanges_are_reported_once() -> None:
    sessions = Sessions(CurrentSettings({"max_exchanges_per_worker": "3"}, {}, None))
    told: list[int] = []
    sessions.on_enough = lambda: told.append(sessions.total)
    for _ in range(5):
        sessions.new(stream()).close()
    assert told == [3]


def test_by_default_there_are_never_enough(sessions: Sessions) -> None:
    sessions.on_enough = pytest.fail
    for _ in range(5):
        sessions.new(stream()).close()


def test_a_refusal_is_recorded(sessions: Sessions) -> None:
    records: list[Any] = []
    sessions.listeners.append(records.append)
    for _ in range(2):
        working(sessions)
    third = sessions.new(stream())
    ask(third)
    third.close()
    assert [(record.status, record.error) for record in records] == [(503, "overloaded")]


def test_a_connection_with_less_than_its_share_is_not_refused(sessions: Sessions) -> None:
    for _ in range(2):
        working(sessions, "a")
    working(sessions, "b")
    assert ask(sessions.new(stream("b"))).HasField("immediate_response")
    assert ask(sessions.new(stream("a"))).HasField("immediate_response")


def test_requests_that_are_still_arriving_do_not_count(sessions: Sessions) -> None:
    arriving = [sessions.new(stream()) for _ in range(10)]
    assert all(ask(session).HasField("request_headers") for session in arriving)
    working(sessions)
    assert complete(arriving[0]).HasField("request_body")
    refused = complete(arriving[1]).immediate_response
    assert (refused.status.code, json.loads(refused.body)["error"]["code"]) == (503, "overloaded")
    for session in arriving:
        session.close()
    assert (sessions.open, sessions.working.total()) == (1, 1)
