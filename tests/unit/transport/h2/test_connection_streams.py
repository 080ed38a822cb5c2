"""The life of a stream: allowed frames in each state, and errors for others."""

import pytest
from hpack import Encoder

from tests.unit.transport.h2 import wire
from tests.unit.transport.h2.speaking import greeted, lost, opened, say, told
from tests.unit.transport.h2.wire import (
    ANSWER,
    CALL,
    LAST,
    REQUEST,
    Frame,
    block,
    data,
    headers,
    padded,
    prioritised,
    rst_stream,
    window_update,
)
from translator.transport.h2.connection import Connection
from translator.transport.h2.errors import ErrorCode
from translator.transport.h2.events import Opened, Received, Reset

NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, REFUSED = 0, 1, 3, 5, 7
MALFORMED = block(*CALL[1:])
ENDED = headers(1, LAST, end=True)


def test_a_request_and_its_answer() -> None:
    connection = greeted()
    assert say(connection, headers(1, REQUEST)) == [Opened(1, dict(CALL))]
    assert say(connection, data(1, b"ask"), data(1, b"more")) == [
        Received(1, b"ask", ended=False),
        Received(1, b"more", ended=False),
    ]
    connection.send_headers(1, ANSWER)
    connection.send_data(1, b"answer")
    assert told(connection) == [headers(1, ANSWER), data(1, b"answer")]
    assert say(connection, data(1, b"last", end=True)) == [Received(1, b"last", ended=True)]
    assert connection.streams == 1
    connection.finish(1, LAST)
    assert told(connection) == [ENDED]
    assert connection.streams == len(connection.outbox) == 0


@pytest.mark.parametrize(
    ("end", "received"),
    [
        (data(1, end=True), b""),
        (data(1, b"x", end=True), b"x"),
        (headers(1, LAST, end=True), b""),
        (padded(data(1, b"x", end=True), 9), b"x"),
        (padded(data(1, end=True), 0), b""),
    ],
)
def test_a_request_can_end_in_several_ways(end: Frame, received: bytes) -> None:
    connection = opened()
    assert say(connection, end) == [Received(1, received, ended=True)]
    assert told(connection) == []


def test_a_request_may_have_no_body() -> None:
    connection = greeted()
    assert say(connection, headers(1, REQUEST, end=True)) == [
        Opened(1, dict(CALL)),
        Received(1, b"", ended=True),
    ]


def test_stream_ids_increase_and_may_have_gaps() -> None:
    connection = greeted()
    for stream in (1, 3, 7, 101, 2**31 - 1):
        assert say(connection, headers(stream, REQUEST)) == [Opened(stream, dict(CALL))]
        assert connection.last == stream
    assert connection.streams == 5


def test_padding_and_priority_are_no_part_of_a_request() -> None:
    connection = greeted()
    assert say(connection, padded(prioritised(headers(1, REQUEST)), 255)) == [Opened(1, dict(CALL))]
    assert say(connection, padded(data(1, b"x"), 255)) == [Received(1, b"x", ended=False)]


@pytest.mark.parametrize("stream", [0, 2, 4])
def test_a_client_has_streams_of_odd_numbers(stream: int) -> None:
    assert lost(opened(), headers(stream, REQUEST)) is ErrorCode.PROTOCOL_ERROR


@pytest.mark.parametrize("stream", [0, 2, 5, 2**31 - 1])
@pytest.mark.parametrize("kind", [data, lambda stream: rst_stream(stream, 0)])
def test_an_idle_stream_accepts_only_headers(kind: type[Frame], stream: int) -> None:
    assert lost(opened(), kind(stream)) is ErrorCode.PROTOCOL_ERROR


@pytest.mark.parametrize("stream", [2, 5])
def test_window_update_on_an_idle_stream_is_an_error(stream: int) -> None:
    assert lost(opened(), window_update(stream, 1)) is ErrorCode.PROTOCOL_ERROR


@pytest.mark.parametrize("stream", [1, 2, 5])
def test_priority_is_ignored_on_any_stream(stream: int) -> None:
    connection = opened()
    assert say(connection, Frame(wire.PRIORITY, 0, stream, bytes(5))) == []
    assert told(connection) == []
    assert connection.last == 1


@pytest.mark.parametrize("late", [data(1, b"x"), data(1, end=True), headers(1, LAST, end=True)])
@pytest.mark.parametrize("end", [data(1, end=True), headers(1, LAST, end=True)])
def test_frames_after_the_end_of_a_request_are_an_error(end: Frame, late: Frame) -> None:
    connection = opened(streams=2)
    say(connection, end)
    assert say(connection, late) == [Reset(1)]
    assert told(connection) == [rst_stream(1, STREAM_CLOSED)]
    assert connection.streams == len(connection.outbox) == 1
    connection.send_headers(1, ANSWER)
    assert told(connection) == []


@pytest.mark.parametrize(
    "trailers",
    [
        headers(1, LAST),  # without an end
        headers(1, block((":path", "/")), end=True),
        headers(1, block(("a", "1"), (":status", "200")), end=True),
        headers(1, block(("A", "1")), end=True),
    ],
)
def test_trailers_that_are_malformed_end_their_stream(trailers: Frame) -> None:
    connection = opened()
    assert say(connection, trailers) == [Reset(1)]
    assert told(connection) == [rst_stream(1, PROTOCOL_ERROR)]


def test_a_malformed_request_resets_only_its_stream() -> None:
    connection = opened()
    assert say(connection, headers(3, MALFORMED), headers(5, REQUEST)) == [Opened(5, dict(CALL))]
    assert told(connection) == [rst_stream(3, PROTOCOL_ERROR)]
    assert connection.last == 5
    assert connection.streams == 2


def test_what_cannot_be_decoded_ends_the_connection() -> None:
    assert lost(opened(), headers(3, b"\xff")) is ErrorCode.COMPRESSION_ERROR
    assert lost(opened(), headers(1, b"\xff", end=True)) is ErrorCode.COMPRESSION_ERROR


@pytest.mark.parametrize("code", [0, 8, 0xFFFF])
def test_a_client_can_reset_a_stream(code: int) -> None:
    connection = opened()
    assert say(connection, rst_stream(1, code)) == [Reset(1)]
    assert connection.streams == len(connection.outbox) == 0
    connection.send_headers(1, ANSWER)
    connection.send_data(1, b"late")
    connection.finish(1, LAST)
    assert told(connection) == []


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("window", [0, 1, 100])
@pytest.mark.parametrize("finished", [True, False])
def test_a_client_can_reset_a_stream_at_any_time(
    *, ended: bool, window: int, finished: bool
) -> None:
    connection = opened((wire.WINDOW, window))
    say(connection, data(1, b"x", end=ended))
    connection.send_headers(1, ANSWER)
    connection.send_data(1, b"123")
    if finished:
        connection.finish(1, LAST)
    told(connection)
    assert say(connection, rst_stream(1, 8)) == ([] if finished else [Reset(1)])
    assert say(connection, window_update(1, 100), window_update(0, 100)) == []
    assert told(connection) == []
    assert connection.streams == len(connection.outbox) == 0


LATE = [
    data(1, b"x"),
    data(1),
    data(1, b"x", end=True),
    padded(data(1, b"x"), 4),
    headers(1, LAST, end=True),
    rst_stream(1, 8),
    window_update(1, 1),
    window_update(1, 0),
    Frame(wire.PRIORITY, 0, 1, bytes(5)),
]


def closed_by_both() -> Connection:
    connection = opened()
    say(connection, data(1, end=True))
    connection.finish(1, LAST)
    told(connection)
    return connection


def closed_by_us() -> Connection:
    connection = opened()
    connection.finish(1, LAST)
    assert told(connection) == [ENDED, rst_stream(1, NO_ERROR)]
    return connection


def closed_by_the_client() -> Connection:
    connection = opened()
    say(connection, rst_stream(1, 8))
    return connection


def closed_for_a_fault() -> Connection:
    connection = greeted()
    say(connection, headers(1, MALFORMED))
    told(connection)
    return connection


def closed_by_a_later_one() -> Connection:
    connection = greeted()
    say(connection, headers(3, REQUEST))
    return connection


@pytest.mark.parametrize(
    "closed",
    [closed_by_both, closed_by_us, closed_by_the_client, closed_for_a_fault, closed_by_a_later_one],
)
def test_frames_on_a_closed_stream_are_ignored(closed: type[Connection]) -> None:
    # Section 5.1: the client may not have known yet, and nothing is sent on such a stream.
    for late in LATE:
        connection = closed()
        assert say(connection, late) == [], late
        assert told(connection) == [], late
        assert say(connection, headers(5, REQUEST)) == [Opened(5, dict(CALL))]


@pytest.mark.parametrize("late", [headers(1, LAST), headers(1, REQUEST, end=True)])
@pytest.mark.parametrize("closed", [closed_by_both, closed_by_a_later_one])
def test_a_request_with_a_lower_stream_id_ends_the_connection(
    closed: type[Connection], late: Frame
) -> None:
    # Section 5.1.1: the client would wait for ever. No trailers are like this.
    assert lost(closed(), late) is ErrorCode.PROTOCOL_ERROR


def test_trailers_on_a_closed_stream_still_change_the_dynamic_table() -> None:
    connection, encoder = Connection(), Encoder()
    connection.receive(wire.PREFACE + wire.wire(wire.settings()))
    say(connection, headers(3, block(*CALL, encoder=encoder)))
    say(connection, headers(1, block(("x", "y"), encoder=encoder), end=True))
    fields = (*CALL, ("x", "y"))
    assert say(connection, headers(5, block(*fields, encoder=encoder))) == [Opened(5, dict(fields))]


def test_a_response_before_the_end_of_the_request_resets_the_stream() -> None:
    connection = opened(streams=2)
    connection.finish(1, LAST)
    say(connection, data(3, end=True))
    connection.finish(3, LAST)
    assert told(connection) == [ENDED, rst_stream(1, NO_ERROR), headers(3, LAST, end=True)]


@pytest.mark.parametrize("late", [data(1, b"x"), data(1, end=True), headers(1, LAST, end=True)])
def test_late_frames_do_not_affect_a_waiting_response(
    late: Frame,
) -> None:
    connection = opened((wire.WINDOW, 2))
    connection.send_headers(1, ANSWER)
    connection.send_data(1, b"12345")
    connection.finish(1, LAST)
    assert told(connection) == [headers(1, ANSWER), data(1, b"12")]
    assert say(connection, late) == []
    assert told(connection) == []
    assert say(connection, window_update(1, 10)) == []
    assert told(connection) == [data(1, b"345"), ENDED, rst_stream(1, NO_ERROR)]


def test_a_response_ends_after_its_data_for_any_window_updates() -> None:
    connection = opened((wire.WINDOW, 0))
    say(connection, data(1, end=True))
    connection.send_headers(1, ANSWER)
    connection.send_data(1, b"12")
    connection.finish(1, LAST)
    assert connection.streams == 0
    assert len(connection.outbox) == 1
    assert told(connection) == [headers(1, ANSWER)]
    say(connection, window_update(1, 1))
    assert told(connection) == [data(1, b"1")]
    say(connection, wire.settings((wire.WINDOW, 1)))
    assert told(connection) == [wire.SETTINGS_ACK, data(1, b"2"), ENDED]
    assert len(connection.outbox) == 0


def test_a_fault_after_the_response_drops_its_waiting_data() -> None:
    connection = opened((wire.WINDOW, 1))
    connection.send_data(1, b"12")
    connection.finish(1, LAST)
    told(connection)
    assert say(connection, window_update(1, 0)) == []
    assert told(connection) == [rst_stream(1, PROTOCOL_ERROR)]
    assert len(connection.outbox) == 0
