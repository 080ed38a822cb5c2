"""The memory of a connection does not grow over time."""

import gc
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType

import pytest

from tests.unit.transport.h2 import wire
from tests.unit.transport.h2.speaking import greeted, say, told
from tests.unit.transport.h2.wire import (
    ANSWER,
    CALL,
    LAST,
    REQUEST,
    Frame,
    block,
    continuation,
    data,
    headers,
    padded,
    ping,
    rst_stream,
    settings,
    window_update,
)
from translator.transport.h2.connection import Connection
from translator.transport.h2.events import Lost
from translator.transport.h2.limits import Limits

LIMITS = Limits(streams=4, header_block=2000, window=70_000, connection_window=100_000)
LITTLE = 2000  # bytes


def size_of(connection: Connection) -> int:
    """Bytes of all objects that a connection keeps."""
    seen: dict[int, object] = {}
    ahead: list[object] = [connection]
    while ahead:
        thing = ahead.pop()
        if id(thing) not in seen and not isinstance(thing, type | FunctionType | ModuleType):
            seen[id(thing)] = thing
            ahead += gc.get_referents(thing)
    return sum(map(sys.getsizeof, seen.values()))


def exchange(connection: Connection, stream: int) -> None:
    say(connection, headers(stream, REQUEST), data(stream, b"x" * 1000))
    connection.send_headers(stream, ANSWER)
    connection.send_data(stream, b"y" * 1000)
    connection.inbox.taken(stream, 1000)
    say(connection, data(stream, end=True), window_update(0, 1000))
    connection.finish(stream, LAST)


def reset_while_it_is_answered(connection: Connection, stream: int) -> None:
    say(connection, settings((wire.WINDOW, 1)), headers(stream, REQUEST))
    connection.send_headers(stream, ANSWER)
    connection.send_data(stream, b"y" * 1000)
    say(connection, rst_stream(stream, 8))


def reset_after_it_was_answered(connection: Connection, stream: int) -> None:
    say(connection, settings((wire.WINDOW, 1)), headers(stream, REQUEST))
    connection.send_data(stream, b"y" * 1000)
    connection.finish(stream, LAST)
    told(connection)
    say(connection, rst_stream(stream, 8))


def headers_that_are_new_each_time(connection: Connection, stream: int) -> None:
    fields = (*CALL, ("x", str(stream).rjust(600, "-")))
    say(connection, headers(stream, block(*fields)), rst_stream(stream, 8))


def refused(connection: Connection, stream: int) -> None:
    # Four times this leaves one open, which are as many as there may be.
    say(connection, headers(stream, REQUEST))


def malformed(connection: Connection, stream: int) -> None:
    say(connection, headers(stream, block(*CALL, ("X", str(stream)))))


def useless(connection: Connection, stream: int) -> None:
    frames = ping(), settings(), Frame(0x99, 0, stream, b"x"), wire.goaway(0, 0, b"x" * 1000)
    say(connection, *frames, Frame(wire.PRIORITY, 0, stream, bytes(5)), wire.SETTINGS_ACK)


def on_closed_streams(connection: Connection, stream: int) -> None:
    say(connection, headers(stream, REQUEST), rst_stream(stream, 8))
    say(connection, data(stream, b"x" * 1000), padded(data(stream), 255), window_update(stream, 1))
    say(connection, headers(stream, LAST, end=True), rst_stream(stream, 8))


def blocks_in_many_parts(connection: Connection, stream: int) -> None:
    parts = [continuation(stream, REQUEST[at : at + 20], whole=False) for at in range(20, 160, 20)]
    say(connection, headers(stream, REQUEST[:20], whole=False), *parts)
    say(connection, continuation(stream, REQUEST[160:]), rst_stream(stream, 8))


def frames_in_many_parts(connection: Connection, stream: int) -> None:
    for byte in wire.wire(headers(stream, REQUEST), data(stream, b"x" * 100, end=True)):
        connection.receive(bytes([byte]))
    connection.finish(stream, LAST)


@pytest.mark.parametrize(
    "doing",
    [
        exchange,
        reset_while_it_is_answered,
        reset_after_it_was_answered,
        headers_that_are_new_each_time,
        refused,
        malformed,
        useless,
        on_closed_streams,
        blocks_in_many_parts,
        frames_in_many_parts,
    ],
)
def test_closed_streams_leave_no_state(doing: Callable[[Connection, int], None]) -> None:
    connection = greeted(limits=LIMITS)
    sizes = []
    for number in range(1, 500):
        doing(connection, 2 * number - 1)
        told(connection)
        connection.outbox.freed.clear()  # as whoever drives a connection does
        connection.new_period()
        if number % 100 == 0:
            sizes.append(size_of(connection))
    assert say(connection, ping()) == []
    assert told(connection) == [ping(ack=True)]
    assert max(sizes) - sizes[0] < LITTLE
    assert max(sizes) < 150_000


def test_at_most_a_frame_and_a_header_block_are_buffered() -> None:
    connection = greeted(limits=LIMITS)
    before = size_of(connection)
    connection.receive(bytes(headers(1, bytes(1000), whole=False)))
    connection.receive(bytes(continuation(1, bytes(1000), whole=False)))
    for part in bytes(continuation(1, bytes(16_384)))[:-1], b"":
        assert connection.receive(part) == []
        assert 18_000 < size_of(connection) - before < 20_000
    (event,) = connection.receive(b"x")
    assert isinstance(event, Lost)


def test_data_to_send_is_released_when_sent() -> None:
    connection = greeted(limits=LIMITS)
    say(connection, headers(1, REQUEST, end=True))
    before = size_of(connection)
    connection.send_data(1, bytes(1_000_000))
    assert size_of(connection) - before > 900_000
    told(connection)
    say(connection, window_update(0, 2_000_000), window_update(1, 2_000_000))
    told(connection)
    assert size_of(connection) - before < LITTLE
