"""Limits on a peer: within the limit it is served, above it ENHANCE_YOUR_CALM."""

from collections.abc import Callable

import pytest
from hpack import Encoder

from tests.unit.transport.h2 import wire
from tests.unit.transport.h2.speaking import greeted, lost, opened, say, told
from tests.unit.transport.h2.wire import (
    ANSWER,
    CALL,
    LAST,
    REQUEST,
    SETTINGS_ACK,
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
from translator.transport.h2.errors import ErrorCode
from translator.transport.h2.events import Lost, Opened, Received
from translator.transport.h2.limits import Limits

REFUSED, PROTOCOL_ERROR = 7, 1
TIMES = 20
FEW = Limits(useless=TIMES, wasted=TIMES)
CALM = ErrorCode.ENHANCE_YOUR_CALM


def test_streams_above_the_limit_are_refused() -> None:
    connection = opened(limits=Limits(streams=2), streams=2)
    assert say(connection, headers(5, REQUEST)) == []
    assert told(connection) == [rst_stream(5, REFUSED)]
    say(connection, rst_stream(1, 8))
    assert say(connection, headers(7, REQUEST)) == [Opened(7, dict(CALL))]


def test_a_stream_with_a_waiting_response_counts() -> None:
    connection = opened((wire.WINDOW, 0), limits=Limits(streams=1))
    connection.send_data(1, b"x")
    connection.finish(1, LAST)
    assert say(connection, headers(3, REQUEST)) == []
    assert rst_stream(3, REFUSED) in told(connection)
    say(connection, window_update(1, 1))
    told(connection)
    assert say(connection, headers(5, REQUEST)) == [Opened(5, dict(CALL))]


def test_a_refused_request_still_changes_the_dynamic_table() -> None:
    connection, encoder = Connection(Limits(streams=1)), Encoder()
    connection.receive(wire.PREFACE + wire.wire(settings()))
    fields = (*CALL, ("x", "y"))
    say(connection, headers(1, block(*CALL, encoder=encoder)))
    say(connection, headers(3, block(*fields, encoder=encoder)), rst_stream(1, 8))
    assert say(connection, headers(5, block(*fields, encoder=encoder))) == [Opened(5, dict(fields))]


USELESS = [
    ping(),
    ping(ack=True),
    settings(),
    settings((wire.WINDOW, 5)),
    SETTINGS_ACK,
    Frame(wire.PRIORITY, 0, 1, bytes(5)),
    Frame(0x20),
    wire.goaway(0, 0),
    data(1),
    padded(data(1), 0),
    padded(data(1), 255),
    data(3),
    data(3, end=True),
    headers(3, LAST, end=True),
    rst_stream(3, 8),
    window_update(0, 1),
    window_update(1, 1),
    window_update(3, 1),
]


@pytest.mark.parametrize("frame", USELESS)
def test_useless_frames_above_the_limit_end_the_connection(frame: Frame) -> None:
    connection = one_open_one_closed()
    events = say(connection, *[frame] * TIMES)
    assert not any(isinstance(event, Lost) for event in events)
    assert connection.streams == 1
    assert lost(connection, frame) is CALM


@pytest.mark.parametrize("frame", USELESS)
def test_useless_frames_are_forgotten_after_the_period(frame: Frame) -> None:
    connection = one_open_one_closed()
    for _ in range(5):
        say(connection, *[frame] * TIMES)
        connection.new_period()
    assert connection.streams == 1


@pytest.mark.parametrize("frame", USELESS)
def test_useful_frames_offset_useless_ones(frame: Frame) -> None:
    connection = one_open_one_closed()
    for _ in range(5 * TIMES):
        say(connection, data(1, b"x"), frame)
    assert connection.streams == 1


@pytest.mark.parametrize("late", [data(3, b"x"), padded(data(3, b"x"), 5)])
def test_late_data_on_closed_streams_is_not_counted(late: Frame) -> None:
    # As much as the windows had room for may come of a stream that has ended.
    connection = one_open_one_closed()
    assert say(connection, *[late] * (20 * TIMES)) == []
    assert connection.streams == 1


@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 1_000_000])
def test_sent_data_explains_window_updates(size: int) -> None:
    connection = opened((wire.WINDOW, 2**30), limits=FEW)
    say(connection, window_update(0, 2**30))
    connection.new_period()
    for _ in range(TIMES):
        connection.send_data(1, bytes(size))
    frames = [frame for frame in told(connection) if frame.kind == wire.DATA]
    assert len(frames) >= TIMES
    # They may come later, and each for its stream and for the connection.
    connection.new_period()
    for _ in frames:
        assert not say(connection, window_update(0, 1), window_update(1, 1))
    assert connection.streams == 1
    assert lost(connection, *[window_update(0, 1)] * (4 * TIMES)) is CALM


def test_settings_above_the_limit_end_the_connection() -> None:
    # Each may be work for every stream.
    connection = opened(limits=Limits(settings=TIMES))
    for _ in range(3):
        for _ in range(TIMES):
            say(connection, settings((wire.WINDOW, 5)), data(1, b"x"), data(1, b"x"))
        connection.new_period()
    for _ in range(TIMES):
        say(connection, settings((wire.WINDOW, 5)), data(1, b"x"), data(1, b"x"))
    assert lost(connection, settings((wire.WINDOW, 6))) is CALM


def test_useless_frames_between_requests_are_offset() -> None:
    connection = greeted(limits=FEW)
    for stream in range(1, 10 * TIMES, 2):
        say(connection, ping(), headers(stream, REQUEST, end=True))
        connection.finish(stream, LAST)
    assert say(connection, headers(1001, REQUEST)) == [Opened(1001, dict(CALL))]


def one_open_one_closed() -> Connection:
    """With stream 1 open and stream 3 closed, and nothing counted."""
    connection = opened(limits=FEW, streams=2)
    say(connection, rst_stream(3, 8))
    connection.new_period()
    return connection


def reset(stream: int) -> list[Frame]:
    return [headers(stream, REQUEST), rst_stream(stream, 8)]


def malformed(stream: int) -> list[Frame]:
    return [headers(stream, block(*CALL[1:]))]


def made_to_be_reset_by_its_window(stream: int) -> list[Frame]:
    return [headers(stream, REQUEST), window_update(stream, 0)]


def made_to_be_reset_by_a_larger_window(stream: int) -> list[Frame]:
    return [headers(stream, REQUEST), window_update(stream, wire.LARGEST_WINDOW)]


def made_to_be_reset_by_data(stream: int) -> list[Frame]:
    return [headers(stream, REQUEST, end=True), data(stream, b"x")]


def made_to_be_reset_by_trailers(stream: int) -> list[Frame]:
    return [headers(stream, REQUEST), headers(stream, LAST)]


@pytest.mark.parametrize(
    "wasted",
    [
        reset,
        malformed,
        made_to_be_reset_by_its_window,
        made_to_be_reset_by_a_larger_window,
        made_to_be_reset_by_data,
        made_to_be_reset_by_trailers,
    ],
)
def test_streams_reset_without_a_response_are_limited(wasted: Callable[[int], list[Frame]]) -> None:
    # CVE-2023-44487 and CVE-2025-8671: one that is gone again costs its work all the same.
    connection = greeted(limits=FEW)
    for number in range(TIMES):
        events = say(connection, *wasted(2 * number + 1))
        assert not any(isinstance(event, Lost) for event in events)
    assert lost(connection, *wasted(2 * TIMES + 1)) is CALM


def test_refused_streams_are_limited() -> None:
    connection = opened(limits=Limits(streams=1, wasted=TIMES))
    for number in range(1, TIMES + 1):
        assert say(connection, headers(2 * number + 1, REQUEST)) == []
    assert len(told(connection)) == TIMES
    assert lost(connection, headers(2 * TIMES + 3, REQUEST)) is CALM


def test_resets_are_forgotten_after_the_period() -> None:
    connection = greeted(limits=FEW)
    for number in range(5 * TIMES):
        say(connection, *reset(2 * number + 1))
        if number % TIMES == TIMES - 1:
            connection.new_period()
    assert say(connection, headers(1001, REQUEST)) == [Opened(1001, dict(CALL))]


def test_resets_after_a_response_are_not_limited() -> None:
    connection = greeted(limits=FEW)
    for stream in range(1, 10 * TIMES, 2):
        say(connection, headers(stream, REQUEST), data(stream, b"x"))
        connection.send_headers(stream, ANSWER)
        say(connection, rst_stream(stream, 8))
    assert connection.receive(b"") == []
    assert say(connection, headers(1001, REQUEST)) == [Opened(1001, dict(CALL))]


def test_continuation_frames_are_limited() -> None:
    limits = Limits(continuations=3)
    begin, more = headers(3, b"", whole=False), continuation(3, b"", whole=False)
    connection = opened(limits=limits)
    assert say(connection, begin, more, more, more) == []
    assert lost(connection, more) is CALM
    assert lost(opened(limits=limits), begin, more, more, more, continuation(3, REQUEST)) is CALM


def test_header_blocks_are_limited() -> None:
    limits = Limits(header_block=1000)
    longest = b"\x20".ljust(1000 - len(REQUEST), b"\x20") + REQUEST
    connection = opened(limits=limits)
    assert say(connection, headers(3, longest)) == [Opened(3, dict(CALL))]
    assert lost(connection, headers(5, b"\x20" + longest)) is CALM


def test_decoded_header_lists_are_limited() -> None:
    limits = Limits(header_block=10_000)
    bomb = b"\x20" + b"\x82" * 1000
    assert lost(opened(limits=limits), headers(3, bomb)) is CALM
    assert lost(opened(limits=limits), headers(1, bomb, end=True)) is CALM


def test_limits_are_per_connection() -> None:
    one, other = one_open_one_closed(), one_open_one_closed()
    assert lost(one, *[ping()] * (TIMES + 1)) is CALM
    assert say(other, data(1, b"x")) == [Received(1, b"x", ended=False)]


def test_frames_after_an_early_response_are_not_counted() -> None:
    connection = greeted(limits=FEW)
    for stream in range(1, 20 * TIMES, 2):
        say(connection, headers(stream, REQUEST))
        connection.finish(stream, LAST)
        assert not say(connection, data(stream, b"x"), rst_stream(stream, 8))


def test_frames_of_a_refused_request_are_not_counted() -> None:
    connection = opened(limits=Limits(streams=1, useless=TIMES))
    for stream in range(3, 20 * TIMES, 2):
        assert say(connection, headers(stream, REQUEST), data(stream, end=True)) == []
        assert not say(connection, rst_stream(stream, 8))
    assert connection.streams == 1


def test_a_client_may_reset_streams_with_waiting_responses() -> None:
    connection = greeted((wire.WINDOW, 0), limits=FEW)
    for stream in range(1, 20 * TIMES, 2):
        say(connection, headers(stream, REQUEST, end=True))
        connection.send_data(stream, b"x")
        connection.finish(stream, LAST)
        connection.new_period()
    for stream in range(1, 20 * TIMES, 2):
        assert say(connection, rst_stream(stream, 8)) == []
    assert not len(connection.outbox)
