"""Flow control in both directions."""

from collections.abc import Callable

import pytest

from tests.unit.transport.h2 import wire
from tests.unit.transport.h2.speaking import lost, opened, say, told
from tests.unit.transport.h2.wire import (
    ANSWER,
    LARGEST_WINDOW,
    LAST,
    REQUEST,
    Frame,
    data,
    headers,
    joined,
    padded,
    rst_stream,
    window_update,
)
from translator.transport.h2.connection import Connection
from translator.transport.h2.errors import ErrorCode
from translator.transport.h2.events import Received, Reset
from translator.transport.h2.limits import Limits

PROTOCOL_ERROR, FLOW_CONTROL_ERROR = 1, 3
SMALL = Limits(window=1000, connection_window=1_000_000)


def pieces(stream: int, size: int) -> list[Frame]:
    """DATA of so many bytes, in frames as long as they may be."""
    return [data(stream, bytes(min(16_384, size - start))) for start in range(0, size, 16_384)]


def test_a_stream_may_use_its_window_to_the_last_byte() -> None:
    connection = opened(limits=SMALL)
    (event,) = say(connection, data(1, bytes(1000)))
    assert event == Received(1, bytes(1000), ended=False)
    assert told(connection) == []
    assert say(connection, data(1, b"x")) == [Reset(1)]
    assert told(connection) == [rst_stream(1, FLOW_CONTROL_ERROR)]


def test_padding_counts_and_is_released() -> None:
    connection = opened(limits=SMALL)
    say(connection, padded(data(1, bytes(500)), 255))  # 756
    say(connection, padded(data(1, bytes(23)), 220))  # 244 more
    assert told(connection) == []
    say(connection, data(1))
    # 256 and 221 are given back when half of the window is.
    connection.inbox.taken(1, 22)
    assert told(connection) == []
    connection.inbox.taken(1, 1)
    assert told(connection) == [window_update(1, 500)]
    assert len(say(connection, data(1, bytes(500)))) == 1
    assert say(connection, data(1, b"x")) == [Reset(1)]


def test_empty_data_needs_no_window() -> None:
    connection = opened(limits=SMALL)
    say(connection, data(1, bytes(1000)))
    assert say(connection, data(1, end=True)) == [Received(1, b"", ended=True)]


@pytest.mark.parametrize("steps", [[500], [499, 1], [1, 400, 99], [1000], [499, 501]])
def test_a_window_is_extended_when_half_of_it_was_consumed(steps: list[int]) -> None:
    connection = opened(limits=SMALL)
    say(connection, data(1, bytes(1000)))
    for step in steps:
        assert told(connection) == []
        connection.inbox.taken(1, step)
    assert told(connection) == [window_update(1, sum(steps))]
    assert len(say(connection, data(1, bytes(sum(steps))))) == 1
    assert say(connection, data(1, b"x")) == [Reset(1)]


def test_a_large_message_extends_the_window_once() -> None:
    connection = opened(limits=SMALL)
    say(connection, data(1, bytes(600)))
    connection.inbox.taken(1, 600)
    assert told(connection) == [window_update(1, 600)]
    connection.inbox.expect(1, 5000)
    assert told(connection) == [window_update(1, 4000)]
    connection.inbox.expect(1, 5000)
    connection.inbox.expect(1, 10)
    assert told(connection) == []
    say(connection, *pieces(1, 5000))
    connection.inbox.taken(1, 4400)
    assert told(connection) == [], "these have been given already"
    connection.inbox.taken(1, 600)
    assert told(connection) == [window_update(1, 1000)]
    assert len(say(connection, data(1, bytes(1000)))) == 1
    assert say(connection, data(1, b"x")) == [Reset(1)]


def test_a_stream_that_has_ended_or_is_closed_expects_nothing() -> None:
    connection = opened(limits=SMALL)
    say(connection, data(1, b"x", end=True))
    connection.inbox.expect(1, 5000)
    connection.inbox.expect(3, 5000)
    assert told(connection) == []


def test_a_window_is_extended_by_newly_consumed_bytes() -> None:
    connection = opened(limits=SMALL)
    for _ in range(5):
        say(connection, data(1, bytes(600)))
        connection.inbox.taken(1, 499)
        assert told(connection) == []
        connection.inbox.taken(1, 101)
        assert told(connection) == [window_update(1, 600)]


def test_no_window_update_for_ended_or_closed_streams() -> None:
    connection = opened(limits=SMALL, streams=2)
    say(connection, data(1, bytes(1000), end=True), data(3, bytes(1000)), rst_stream(3, 8))
    told(connection)
    for stream in (1, 3, 5):
        connection.inbox.taken(stream, 1000)
    assert told(connection) == []


def test_the_connection_window_is_extended_as_data_is_consumed() -> None:
    connection = opened(limits=Limits(connection_window=100_000, window=1_000_000), streams=2)
    say(connection, *pieces(1, 50_000), *pieces(3, 50_000))
    connection.inbox.taken(1, 49_999)
    assert told(connection) == []
    connection.inbox.taken(3, 1)
    assert told(connection) == [window_update(0, 50_000)]
    assert len(say(connection, *pieces(1, 50_000))) == 4
    assert lost(connection, data(1, b"x")) is ErrorCode.FLOW_CONTROL_ERROR


def finished(connection: Connection) -> None:
    connection.finish(1, LAST)


def reset(connection: Connection) -> None:
    say(connection, rst_stream(1, 8))


def refused(connection: Connection) -> None:
    say(connection, window_update(1, 0))


@pytest.mark.parametrize("end", [finished, reset, refused])
def test_a_closed_stream_releases_its_held_data(end: Callable[[Connection], None]) -> None:
    connection = opened(limits=Limits(connection_window=100_000, window=1_000_000))
    say(connection, *pieces(1, 60_000))
    connection.inbox.taken(1, 10_000)
    end(connection)
    assert window_update(0, 60_000) in told(connection)
    connection.inbox.taken(1, 50_000)  # it is too late
    say(connection, *pieces(1, 50_000))
    assert told(connection) == [window_update(0, 50_000)]


def test_the_held_data_of_all_streams_is_limited() -> None:
    limits = Limits(connection_window=100_000, window=30_000)
    connection = opened(limits=limits, streams=4)
    for stream in (1, 3, 5):
        say(connection, *pieces(stream, 30_000))
    assert say(connection, data(7, bytes(10_000))) != []
    assert lost(connection, data(7, b"x")) is ErrorCode.FLOW_CONTROL_ERROR


def test_data_on_closed_streams_extends_the_connection_window() -> None:
    connection = opened(limits=Limits(connection_window=100_000))
    say(connection, data(1, end=True), *pieces(1, 50_000))
    assert joined(told(connection), 1) == b""
    assert connection.streams == 0


def test_a_window_that_is_extended_in_time_is_not_exhausted() -> None:
    connection = opened(limits=Limits(connection_window=65_536, window=1_000_000))
    for _ in range(100):
        assert len(say(connection, data(1, bytes(9_999)))) == 1
        connection.inbox.taken(1, 9_999)
    updates = [frame for frame in told(connection) if frame.kind == wire.WINDOW_UPDATE]
    assert (
        sum(int.from_bytes(frame.payload) for frame in updates if not frame.stream)
        >= 999_900 - 32_768
    )


@pytest.mark.parametrize("increment", [0, 1 << 31])
def test_window_update_of_0_is_an_error(increment: int) -> None:
    connection = opened(streams=2)
    assert say(connection, window_update(1, increment)) == [Reset(1)]
    assert told(connection) == [rst_stream(1, PROTOCOL_ERROR)]
    assert lost(connection, window_update(0, increment)) is ErrorCode.PROTOCOL_ERROR


def test_a_window_above_the_maximum_is_an_error() -> None:
    connection = opened(streams=2)
    most = LARGEST_WINDOW - 65_535
    assert say(connection, window_update(1, most), window_update(0, most)) == []
    assert say(connection, window_update(1, 1)) == [Reset(1)]
    assert told(connection) == [rst_stream(1, FLOW_CONTROL_ERROR)]
    assert lost(connection, window_update(0, 1)) is ErrorCode.FLOW_CONTROL_ERROR


def test_sent_data_makes_room_in_a_maximal_window() -> None:
    connection = opened()
    connection.send_data(1, bytes(10))
    most = LARGEST_WINDOW - 65_535 + 10
    assert say(connection, window_update(1, most), window_update(0, most)) == []


def test_an_answer_keeps_within_both_windows_and_headers_need_none() -> None:
    connection = opened((wire.WINDOW, 100_000), streams=2)
    connection.send_headers(1, ANSWER)
    connection.send_data(1, bytes(100_001))
    connection.send_headers(3, ANSWER)
    answer = told(connection)
    assert answer[0] == headers(1, ANSWER)
    assert headers(3, ANSWER) in answer
    assert len(joined(answer, 1)) == 65_535
    say(connection, window_update(0, 100_000))
    assert len(joined(told(connection), 1)) == 100_000 - 65_535
    connection.send_data(3, b"other")
    assert told(connection) == [data(3, b"other")]
    say(connection, window_update(1, 5))
    assert told(connection) == [data(1, b"\0")]


def test_window_updates_are_accepted_before_data_and_after_the_end() -> None:
    connection = opened((wire.WINDOW, 1))
    say(connection, window_update(1, 4), data(1, end=True), window_update(1, 5))
    connection.send_data(1, bytes(20))
    assert told(connection) == [data(1, bytes(10))]


def test_streams_have_windows_of_their_own() -> None:
    connection = opened(limits=SMALL, streams=2)
    say(connection, data(1, bytes(1000)))
    assert len(say(connection, data(3, bytes(1000)), headers(5, REQUEST))) == 2
