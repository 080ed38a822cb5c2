"""The whole connection: preface, SETTINGS, PING, GOAWAY, and its end."""

import time

import pytest
from hpack import Encoder

from tests.unit.transport.h2 import wire
from tests.unit.transport.h2.speaking import ends, greeted, lost, opened, say, told
from tests.unit.transport.h2.wire import (
    ANSWER,
    CALL,
    LARGEST_WINDOW,
    LAST,
    PREFACE,
    REQUEST,
    SETTINGS_ACK,
    Frame,
    block,
    data,
    frames_of,
    goaway,
    headers,
    ping,
    rst_stream,
    settings,
    window_update,
)
from translator.transport.h2.connection import Connection
from translator.transport.h2.errors import ConnectionFault, ErrorCode
from translator.transport.h2.events import Lost, Opened, Received
from translator.transport.h2.limits import Limits

REFUSED = 7


def test_the_server_sends_its_settings_first() -> None:
    limits = Limits(streams=5, window=70_000, connection_window=90_000, header_block=1000)
    assert told(Connection(limits)) == [
        settings(
            (wire.TABLE_SIZE, 0), (wire.STREAMS, 5), (wire.WINDOW, 70_000), (wire.LIST_SIZE, 1000)
        ),
        window_update(0, 90_000 - 65_535),
    ]


def test_the_client_preface_is_acknowledged() -> None:
    connection = Connection()
    told(connection)
    assert not connection.greeted
    assert connection.receive(PREFACE) == []
    assert not connection.greeted
    assert told(connection) == []
    assert say(connection, settings()) == []
    assert connection.greeted
    assert told(connection) == [SETTINGS_ACK]


@pytest.mark.parametrize(
    "first", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"PRI * HTTP/2.1"]
)
def test_other_protocols_end_the_connection(first: bytes) -> None:
    connection = Connection()
    told(connection)
    assert ends(connection, connection.receive(first), told(connection)) is ErrorCode.PROTOCOL_ERROR


def test_a_request_may_come_with_the_greeting() -> None:
    connection = Connection()
    greeting = PREFACE + wire.wire(settings(), headers(1, block(*CALL, encoder=Encoder())))
    assert connection.receive(greeting) == [Opened(1, dict(CALL))]


def test_every_settings_frame_is_acknowledged_in_order() -> None:
    connection = greeted()
    say(connection, ping(), settings(), ping(b"abcdefgh"), settings((wire.FRAME_SIZE, 16_384)))
    assert told(connection) == [
        ping(ack=True),
        SETTINGS_ACK,
        ping(b"abcdefgh", ack=True),
        SETTINGS_ACK,
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (wire.TABLE_SIZE, 0),
        (wire.TABLE_SIZE, 2**32 - 1),
        (wire.PUSH, 0),
        (wire.PUSH, 1),
        (wire.STREAMS, 0),
        (wire.WINDOW, 0),
        (wire.WINDOW, LARGEST_WINDOW),
        (wire.FRAME_SIZE, 16_384),
        (wire.FRAME_SIZE, 2**24 - 1),
        (wire.LIST_SIZE, 0),
        (7, 2**32 - 1),
        (0, 0),
        (0xFFFF, 1),
    ],
)
def test_settings_have_these_values(name: int, value: int) -> None:
    connection = greeted()
    assert say(connection, settings((name, value))) == []
    assert told(connection) == [SETTINGS_ACK]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        (wire.PUSH, 2, ErrorCode.PROTOCOL_ERROR),
        (wire.PUSH, 2**32 - 1, ErrorCode.PROTOCOL_ERROR),
        (wire.WINDOW, LARGEST_WINDOW + 1, ErrorCode.FLOW_CONTROL_ERROR),
        (wire.WINDOW, 2**32 - 1, ErrorCode.FLOW_CONTROL_ERROR),
        (wire.FRAME_SIZE, 0, ErrorCode.PROTOCOL_ERROR),
        (wire.FRAME_SIZE, 16_383, ErrorCode.PROTOCOL_ERROR),
        (wire.FRAME_SIZE, 2**24, ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_invalid_settings_end_the_connection(name: int, value: int, code: ErrorCode) -> None:
    assert lost(opened(), settings((name, value))) is code
    # Not even when they are taken back at once.
    assert lost(opened(), settings((name, value), (name, 16_384 * (name != wire.PUSH)))) is code


def test_the_last_of_several_values_is_the_one_that_counts() -> None:
    connection = opened((wire.WINDOW, 1), (wire.FRAME_SIZE, 20_000), (wire.WINDOW, 30_000))
    connection.send_data(1, bytes(40_000))
    assert [len(frame.payload) for frame in told(connection)] == [20_000, 10_000]


def test_settings_that_are_not_for_a_server_change_nothing() -> None:
    connection = opened(*((name, 20_000) for name in (0, 1, 3, 6, 7, 8)))
    connection.send_data(1, bytes(20_000))
    assert [len(frame.payload) for frame in told(connection)] == [16_384, 3_616]


def test_many_settings_at_once_are_no_more_work_than_one() -> None:
    streams = 5000
    connection = opened(streams=streams, limits=Limits(streams=streams))
    many = [(wire.WINDOW, 10_000 + number) for number in range(2700)]
    begin = time.process_time()
    say(connection, settings(*many))
    # One by one for each stream it would be more than ten million steps.
    assert time.process_time() - begin < 0.5
    connection.send_data(1, bytes(12_700))
    assert [len(frame.payload) for frame in told(connection)] == [0, 12_699]


def test_a_window_can_change_while_data_is_in_flight() -> None:
    connection = opened((wire.WINDOW, 10))
    connection.send_data(1, bytes(30))
    assert told(connection) == [data(1, bytes(10))]
    say(connection, settings((wire.WINDOW, 5)), window_update(1, 5))
    assert told(connection) == [SETTINGS_ACK]
    say(connection, window_update(1, 1))
    assert told(connection) == [data(1, bytes(1))]
    say(connection, settings((wire.WINDOW, 7)))
    assert told(connection) == [SETTINGS_ACK, data(1, bytes(2))]
    say(connection, settings((wire.WINDOW, 100)))
    assert told(connection) == [SETTINGS_ACK, data(1, bytes(17))]


def test_the_window_of_a_waiting_stream_can_become_negative() -> None:
    connection = opened((wire.WINDOW, 100_000))
    connection.send_data(1, bytes(80_000))
    told(connection)
    say(connection, settings((wire.WINDOW, 10)), window_update(0, 100_000))
    assert told(connection) == [SETTINGS_ACK]
    say(connection, settings((wire.WINDOW, 100_000)))
    assert told(connection) == [SETTINGS_ACK, data(1, bytes(80_000 - 65_535))]


def test_an_initial_window_cannot_take_that_of_a_stream_beyond_the_largest() -> None:
    connection = opened()
    say(connection, window_update(1, LARGEST_WINDOW - 65_535))
    code = lost(connection, settings((wire.WINDOW, 65_536)))
    assert code is ErrorCode.FLOW_CONTROL_ERROR


def test_after_our_settings_are_acknowledged_there_is_no_dynamic_table() -> None:
    connection, encoder = Connection(), Encoder()
    connection.receive(PREFACE + wire.wire(settings()))
    for stream in (1, 3):
        frame = headers(stream, block(*CALL, encoder=encoder))
        assert say(connection, frame) == [Opened(stream, dict(CALL))]
    frame = headers(5, block(*CALL, encoder=encoder))
    told(connection)
    assert lost(connection, SETTINGS_ACK, frame) is ErrorCode.COMPRESSION_ERROR


def test_an_acknowledgement_may_come_again() -> None:
    connection = greeted()
    assert say(connection, SETTINGS_ACK, SETTINGS_ACK) == []
    assert told(connection) == []


def test_a_ping_is_acknowledged_but_its_acknowledgement_is_not() -> None:
    connection = greeted()
    assert say(connection, ping(b"\0\xff345678"), ping(b"whatever", ack=True)) == []
    assert told(connection) == [ping(b"\0\xff345678", ack=True)]


def test_a_ping_is_answered_before_data_that_waits() -> None:
    connection = opened((wire.WINDOW, 0))
    connection.send_data(1, b"x")
    say(connection, ping())
    assert told(connection) == [ping(ack=True)]


@pytest.mark.parametrize("frame", [Frame(0x16, 0xFF, 0, b"x"), Frame(0xFF, 0, 99, bytes(16_384))])
def test_unknown_frames_are_ignored(frame: Frame) -> None:
    connection = opened()
    assert say(connection, frame, data(1, b"x")) == [Received(1, b"x", ended=False)]
    assert told(connection) == []


def test_a_client_that_sent_goaway_is_served_until_it_disconnects() -> None:
    connection = opened()
    assert say(connection, goaway(0, 0, b"bye"), data(1, b"x")) == [Received(1, b"x", ended=False)]
    connection.send_data(1, b"answer")
    assert told(connection) == [data(1, b"answer")]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (Frame(wire.PUSH_PROMISE, 4, 1, bytes(8)), ErrorCode.PROTOCOL_ERROR),
        (Frame(wire.CONTINUATION, 4, 1), ErrorCode.PROTOCOL_ERROR),
        (Frame(wire.DATA, wire.PADDED, 1), ErrorCode.FRAME_SIZE_ERROR),
        (Frame(wire.DATA, wire.PADDED, 1, b"\x01"), ErrorCode.PROTOCOL_ERROR),
        (Frame(wire.RST_STREAM, 0, 1, bytes(5)), ErrorCode.FRAME_SIZE_ERROR),
        (data(1, bytes(16_385)), ErrorCode.FRAME_SIZE_ERROR),
        (Frame(wire.GOAWAY, 0, 1, bytes(8)), ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_an_invalid_frame_ends_the_connection(frame: Frame, code: ErrorCode) -> None:
    assert lost(opened(streams=3), frame) is code


def test_frames_before_a_fault_are_processed() -> None:
    connection = opened()
    connection.send_data(1, b"said")
    events = say(connection, data(1, b"x"), ping(), Frame(wire.PING), data(1, b"never"))
    assert events[:-1] == [Received(1, b"x", ended=False)]
    answer = told(connection)
    assert answer[:-1] == [data(1, b"said"), ping(ack=True)]
    assert ends(connection, events, answer) is ErrorCode.FRAME_SIZE_ERROR


def test_the_server_can_end_the_connection() -> None:
    connection = opened((wire.WINDOW, 1))
    connection.send_data(1, b"12")
    events = connection.fail(ConnectionFault(ErrorCode.SETTINGS_TIMEOUT, "why"))
    assert events == [Lost(ErrorCode.SETTINGS_TIMEOUT, "why")]
    answer = told(connection)
    assert answer == [goaway(1, 4, b"why")]
    assert ends(connection, events, answer) is ErrorCode.SETTINGS_TIMEOUT


def test_a_connection_ends_once() -> None:
    connection = opened()
    connection.fail(ConnectionFault(ErrorCode.NO_ERROR, "idle"))
    told(connection)
    assert connection.fail(ConnectionFault(ErrorCode.NO_ERROR, "idle")) == []
    assert told(connection) == []


def test_after_goaway_open_streams_continue_and_new_ones_are_refused() -> None:
    connection = opened()
    connection.say_goodbye()
    assert told(connection) == [goaway(1, 0)]
    assert say(connection, data(1, b"x"), headers(3, REQUEST), data(3, b"y")) == [
        Received(1, b"x", ended=False)
    ]
    assert told(connection) == [rst_stream(3, REFUSED)]
    say(connection, data(1, end=True))
    connection.finish(1, LAST)
    assert told(connection) == [headers(1, LAST, end=True)]


def test_goaway_is_sent_once_and_not_after_the_end() -> None:
    connection = opened()
    connection.say_goodbye()
    say(connection, headers(3, REQUEST))
    connection.say_goodbye()
    assert told(connection) == [goaway(1, 0), rst_stream(3, REFUSED)]
    connection.fail(ConnectionFault(ErrorCode.NO_ERROR, "idle"))
    assert told(connection) == [goaway(1, 0, b"idle")]
    connection.say_goodbye()
    assert told(connection) == []

    broken = opened()
    say(broken, Frame(wire.PING))
    told(broken)
    broken.say_goodbye()
    assert told(broken) == []


def test_the_last_stream_id_of_goaway_never_increases() -> None:
    # Section 6.8: a client may have tried again elsewhere what came after the first.
    connection = opened()
    connection.say_goodbye()
    say(connection, headers(3, REQUEST))
    told(connection)
    say(connection, Frame(wire.PING))
    (last,) = told(connection)
    assert last.payload[:4] == (1).to_bytes(4)


def test_all_is_sent_in_whole_frames() -> None:
    connection = opened()
    connection.send_headers(1, ANSWER)
    connection.send_data(1, bytes(100_000))
    assert frames_of(connection.outbox.take())
