"""What the log says of bodies: where they go, how long they are, and nothing of what they say."""

import hashlib
import logging

import pytest

from translator.exchange.body_log import BodyLog, Direction
from translator.exchange.record import Record

BODY = b'{"messages": "secret"}'
RECORD = Record(request_id="req-1")


@pytest.fixture
def debug(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


@pytest.mark.parametrize(
    ("direction", "words"),
    [
        (Direction.FROM_CLIENT, "from the client"),
        (Direction.TO_SERVER, "to the model server"),
        (Direction.FROM_SERVER, "from the model server"),
        (Direction.TO_CLIENT, "to the client"),
    ],
)
def test_a_body_is_one_line(
    debug: pytest.LogCaptureFixture, direction: Direction, words: str
) -> None:
    BodyLog(RECORD).note(direction, BODY)
    assert debug.messages == [f"req-1: {words}, 22 bytes, sha256 {digest(BODY)}"]


def test_a_streamed_body_is_one_line_at_its_end(debug: pytest.LogCaptureFixture) -> None:
    log = BodyLog(RECORD)
    log.note(Direction.FROM_SERVER, BODY, last=False)
    log.note(Direction.TO_CLIENT, b"", last=False)
    log.note(Direction.FROM_SERVER, BODY, last=False)
    assert debug.messages == []
    log.note(Direction.FROM_SERVER, b"", last=True)
    log.note(Direction.TO_CLIENT, b"events", last=True)
    assert debug.messages == [
        f"req-1: from the model server, 44 bytes, sha256 {digest(BODY * 2)}",
        f"req-1: to the client, 6 bytes, sha256 {digest(b'events')}",
    ]


def test_the_request_id_may_come_after_the_log_was_made(debug: pytest.LogCaptureFixture) -> None:
    record = Record()
    log = BodyLog(record)
    record.request_id = "late"
    log.note(Direction.FROM_CLIENT, b"")
    assert debug.messages == [f"late: from the client, 0 bytes, sha256 {digest(b'')}"]


def test_no_body_is_no_line(debug: pytest.LogCaptureFixture) -> None:
    BodyLog(RECORD).note(Direction.TO_CLIENT, None)
    assert debug.messages == []


def test_above_debug_nothing_is_hashed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(hashlib, "sha256", lambda: pytest.fail("it was"))
    log = BodyLog(RECORD)
    log.note(Direction.FROM_CLIENT, BODY)
    log.note(Direction.TO_CLIENT, BODY, last=False)
    assert caplog.messages == []
