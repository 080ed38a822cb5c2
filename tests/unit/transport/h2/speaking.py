"""A connection and what a client and a server say on it."""

import itertools

from tests.unit.transport.h2.wire import (
    GOAWAY,
    PREFACE,
    REQUEST,
    SETTINGS_ACK,
    Frame,
    frames_of,
    headers,
    settings,
    wire,
)
from translator.transport.h2.connection import Connection
from translator.transport.h2.errors import ErrorCode
from translator.transport.h2.events import Event, Lost, Opened
from translator.transport.h2.limits import DEFAULTS, Limits


def greeted(*pairs: tuple[int, int], limits: Limits = DEFAULTS) -> Connection:
    """A connection after the greetings, with these settings of its client's."""
    connection = Connection(limits)
    assert connection.receive(PREFACE + wire(settings(*pairs), SETTINGS_ACK)) == []
    told(connection)
    connection.new_period()
    return connection


def opened(*pairs: tuple[int, int], limits: Limits = DEFAULTS, streams: int = 1) -> Connection:
    """A connection after the greetings on which so many streams, 1 and so on, are open."""
    connection = greeted(*pairs, limits=limits)
    for stream in range(1, 2 * streams, 2):
        (event,) = say(connection, headers(stream, REQUEST))
        assert isinstance(event, Opened)
        assert event.stream == stream
    return connection


def say(connection: Connection, *frames: Frame) -> list[Event]:
    """What these frames lead to."""
    return connection.receive(wire(*frames))


def told(connection: Connection) -> list[Frame]:
    """All that the client is told by now."""
    return frames_of(b"".join(iter(connection.outbox.take, b"")))


def lost(connection: Connection, *frames: Frame) -> ErrorCode:
    """The code of the error in which these frames end, whose rules are looked after."""
    told(connection)
    return ends(connection, say(connection, *frames), told(connection))


def ends(connection: Connection, events: list[Event], answer: list[Frame]) -> ErrorCode:
    """The code of the error that these events and this response end with."""
    last = events[-1]
    assert isinstance(last, Lost)
    assert not any(isinstance(event, Lost) for event in events[:-1])
    *before, goodbye = answer
    assert (goodbye.kind, goodbye.stream) == (GOAWAY, 0)
    assert GOAWAY not in {frame.kind for frame in before}
    assert int.from_bytes(goodbye.payload[:4]) == connection.last
    assert int.from_bytes(goodbye.payload[4:8]) == last.code
    assert goodbye.payload[8:].decode() == last.reason != ""
    # Nothing comes after it.
    assert connection.streams == len(connection.outbox) == 0
    assert say(connection, headers(connection.last + 2, REQUEST)) == []
    for stream in itertools.chain(range(10), [connection.last]):
        connection.send_headers(stream, b"")
        connection.send_data(stream, b"late")
        connection.finish(stream, b"")
        connection.inbox.taken(stream, 2**20)
    assert told(connection) == []
    return last.code
