"""Any split of the client's bytes gives the same events and responses."""

from collections.abc import Iterable

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from hypothesis import given
from hypothesis import strategies as st

from tests.property.h2_frames import FRAMES, checked
from tests.property.split import PLACES, cut
from tests.unit.transport.h2 import wire
from tests.unit.transport.h2.wire import (
    ANSWER,
    CALL,
    LAST,
    PREFACE,
    REQUEST,
    SETTINGS_ACK,
    Frame,
    continuation,
    data,
    headers,
    padded,
    ping,
    prioritised,
    rst_stream,
    settings,
    window_update,
)
from translator.transport.h2.connection import Connection
from translator.transport.h2.events import Event, Received
from translator.transport.h2.limits import Limits

LIMITS = Limits(streams=3, window=70_000, connection_window=100_000, header_block=1000, useless=12)


def heard(pieces: Iterable[bytes]) -> tuple[list[Event], bytes]:
    """The events of these pieces, and all that is sent, of a server that says nothing."""
    connection = Connection(LIMITS)
    events: list[Event] = []
    sent = [connection.outbox.take()]
    for piece in pieces:
        events += connection.receive(piece)
        sent.append(connection.outbox.take())
    return events, b"".join(sent)


def answered(pieces: Iterable[bytes]) -> dict[int, list[Frame]]:
    """What is sent on each stream by a server that answers each request with what it was sent.

    Data is put together, and windows are left out: when they are opened is the server's choice.
    """
    connection = Connection(LIMITS)
    sent = [connection.outbox.take()]
    bodies: dict[int, bytes] = {}
    for piece in pieces:
        for event in connection.receive(piece):
            if isinstance(event, Received):
                stream = event.stream
                bodies[stream] = bodies.get(stream, b"") + event.data
                connection.inbox.taken(stream, len(event.data))
                if event.ended:
                    connection.send_headers(stream, ANSWER)
                    connection.send_data(stream, bodies[stream])
                    connection.finish(stream, LAST)
        sent.extend(iter(connection.outbox.take, b""))
    said: dict[int, list[Frame]] = {}
    for frame in checked(b"".join(sent)):
        before = said.setdefault(frame.stream, [])
        if frame.kind == wire.DATA and before[-1].kind == wire.DATA:
            before[-1] = data(frame.stream, before[-1].payload + frame.payload)
        elif frame.kind != wire.WINDOW_UPDATE:
            before.append(frame)
    return said


def by_the_library() -> bytes:
    """Two exchanges at once with all that may happen in them but a reset, as h2 writes them."""
    client = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    client.initiate_connection()
    client.send_headers(1, [*CALL])
    client.send_data(1, b"hello")
    client.receive_data(Connection(LIMITS).outbox.take())  # which it acknowledges
    client.send_headers(3, [*CALL, ("x-long", "y" * 300)])
    client.send_data(3, b"one ", pad_length=7)
    client.ping(b"12345678")
    client.send_data(1, b" and bye", end_stream=True)
    client.increment_flow_control_window(1000)
    client.increment_flow_control_window(1000, 3)
    client.update_settings({wire.WINDOW: 1, wire.FRAME_SIZE: 20_000})
    client.send_data(3, b"two")
    client.send_headers(3, [("x-trailer", "z")], end_stream=True)
    client.update_settings({wire.WINDOW: 100})
    client.prioritize(3, weight=20)
    client.close_connection()
    return client.data_to_send()


GREETING = PREFACE + wire.wire(settings((wire.WINDOW, 4)), SETTINGS_ACK)
BY_HAND = GREETING + wire.wire(
    padded(prioritised(headers(1, REQUEST)), 3),
    headers(3, b"", whole=False, end=True),
    continuation(3, REQUEST[:20], whole=False),
    continuation(3, REQUEST[20:]),
    ping(),
    padded(data(1, b"some"), 2),
    Frame(0x42, 0xFF, 9, b"unknown"),
    Frame(wire.PRIORITY, 0, 7, bytes(5)),
    data(1),
    window_update(1, 3),
    headers(1, LAST, end=True),
    settings((wire.WINDOW, 100)),
    window_update(0, 5),
    ping(ack=True),
)
RESET = GREETING + wire.wire(
    headers(1, REQUEST),
    data(1, b"x"),
    rst_stream(1, 8),
    data(1, b"late"),
    headers(3, b"\x20"),
    headers(5, REQUEST, end=True),
    data(5, b"late"),
    headers(7, REQUEST),
    window_update(7, 0),
    headers(9, REQUEST),
)
FAULTS = [
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX",
    b"GET / HTTP/1.1\r\nhost: translator\r\n\r\n",
    PREFACE + bytes(ping()),
    BY_HAND + bytes(data(2)),
    BY_HAND + bytes(headers(5, REQUEST, whole=False)) + bytes(ping()),
    BY_HAND + bytes(headers(5, b"\xff\xff")),
    BY_HAND + bytes(Frame(wire.PING, 0, 0, b"1234567")),
    BY_HAND + b"\x00\x40\x01\x00\x00\x00\x00\x00\x05",
    BY_HAND + wire.wire(*[ping()] * 13) + bytes(headers(5, REQUEST)),
    RESET + bytes(window_update(0, 0)) + bytes(ping()),
]
WHOLE = [by_the_library(), BY_HAND]
ALL = [*WHOLE, RESET, *FAULTS]


@pytest.mark.parametrize("stream", ALL)
def test_one_cut_anywhere_changes_nothing(stream: bytes) -> None:
    expected = heard([stream])
    for place in range(len(stream) + 1):
        assert heard([stream[:place], stream[place:]]) == expected


@pytest.mark.parametrize("stream", ALL)
def test_byte_by_byte_is_the_same(stream: bytes) -> None:
    assert heard(bytes([byte]) for byte in stream) == heard([stream])


@given(st.sampled_from(ALL), PLACES)
def test_cuts_anywhere_change_nothing(stream: bytes, places: list[int]) -> None:
    assert heard(cut(stream, places)) == heard([stream])


@given(st.lists(FRAMES, max_size=12), PLACES)
def test_cuts_change_nothing_whatever_comes(frames: list[Frame], places: list[int]) -> None:
    stream = GREETING + wire.wire(*frames)
    assert heard(cut(stream, places)) == heard([stream])


@pytest.mark.parametrize("stream", WHOLE)
def test_each_stream_is_answered_the_same_with_one_cut_anywhere(stream: bytes) -> None:
    expected = answered([stream])
    # Both windows are opened in the end.
    assert all(expected[number][-1] == headers(number, LAST, end=True) for number in (1, 3))
    for place in range(len(stream) + 1):
        assert answered([stream[:place], stream[place:]]) == expected
    assert answered(bytes([byte]) for byte in stream) == expected


@given(st.sampled_from(WHOLE), PLACES)
def test_each_stream_is_answered_the_same_with_cuts_anywhere(
    stream: bytes, places: list[int]
) -> None:
    assert answered(cut(stream, places)) == answered([stream])


def test_large_frames_may_be_cut_anywhere() -> None:
    stream = GREETING + wire.wire(
        headers(1, REQUEST), *(data(1, bytes([number]) * 16_384) for number in range(4))
    )
    expected = heard([stream])
    for size in (1_000, 16_383, 16_384, 16_393, 16_394, 40_000):
        starts = range(0, len(stream), size)
        assert heard(stream[start : start + size] for start in starts) == expected
