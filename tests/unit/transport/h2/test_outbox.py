"""Sending within the client's windows, round robin, and with a limited size of writes."""

import pytest

from tests.unit.transport.h2 import wire
from tests.unit.transport.h2.wire import LARGEST_WINDOW, Frame, data, frames_of, joined
from translator.transport.h2.errors import ConnectionFault, ErrorCode, StreamFault
from translator.transport.h2.outbox import Outbox

DEFAULT = 65_535
LAST = wire.headers(1, wire.LAST, end=True)
ROOM = 256 * 1024


def outbox(*streams: int, window: int = DEFAULT, connection: int = DEFAULT) -> Outbox:
    """With these streams open, and these windows."""
    box = Outbox(b"")
    box.set_initial_window(window)
    if connection != DEFAULT:
        box.widen(connection - DEFAULT)
    for stream in streams:
        box.open(stream)
    return box


def took(box: Outbox) -> list[Frame]:
    return frames_of(box.take())


def sizes(frames: list[Frame]) -> list[tuple[int, int]]:
    return [(frame.stream, len(frame.payload)) for frame in frames]


def test_the_size_of_data_to_send_is_known() -> None:
    box = outbox(1, window=5)
    for piece, size in ((b"1", 1), (b"23", 3), (b"456", 3)):
        box.data(1, piece)
        assert box.size == size
    took(box)
    assert box.size == 0


def test_the_greeting_goes_first_and_once() -> None:
    box = Outbox(bytes(wire.settings()))
    box.add(bytes(wire.SETTINGS_ACK))
    assert took(box) == [wire.settings(), wire.SETTINGS_ACK]
    assert box.take() == b""


def test_data_that_fits_is_sent_in_one_frame() -> None:
    box = outbox(1)
    box.data(1, b"one")
    box.data(1, b"two")
    box.data(1, b"")
    assert not box.is_blocked(1)
    assert took(box) == [data(1, b"one"), data(1, b"two"), data(1)]
    assert box.freed == []


@pytest.mark.parametrize(("window", "connection"), [(10, 20), (20, 10), (10, 10)])
def test_a_window_is_used_exactly(window: int, connection: int) -> None:
    box = outbox(1, window=window, connection=connection)
    box.data(1, b"123456789")
    assert not box.is_blocked(1)
    box.data(1, b"0")
    assert not box.is_blocked(1)
    box.data(1, b"more")
    assert box.is_blocked(1)
    assert joined(took(box), 1) == b"1234567890"
    assert box.take() == b""

    box.widen(100)
    assert box.widen_stream(1, 100)
    assert took(box) == [data(1, b"more")]
    assert not box.is_blocked(1)
    assert box.freed == [1]


def test_a_part_is_sent_if_the_whole_does_not_fit() -> None:
    box = outbox(1, window=3)
    box.data(1, b"12345")
    assert took(box) == [data(1, b"123")]
    assert box.widen_stream(1, 1)
    assert took(box) == [data(1, b"4")]
    assert box.freed == []
    assert box.widen_stream(1, 1)
    assert took(box) == [data(1, b"5")]
    assert box.freed == [1]


def test_a_stream_waits_for_both_windows() -> None:
    box = outbox(1, window=5, connection=1)
    box.data(1, b"1234567890")
    assert sizes(took(box)) == [(1, 1)]
    box.widen(3)
    assert sizes(took(box)) == [(1, 3)]
    box.widen(100)
    assert sizes(took(box)) == [(1, 1)]
    assert box.take() == b""
    assert box.widen_stream(1, 100)
    assert sizes(took(box)) == [(1, 5)]


def test_empty_data_is_not_kept() -> None:
    box = outbox(1, window=0)
    box.data(1, b"x")
    box.data(1, b"")
    assert box.take() == b""
    box.widen_stream(1, 2)
    assert took(box) == [data(1, b"x")]
    assert box.freed == [1]


def test_data_is_sent_in_order() -> None:
    box = outbox(1, window=2)
    for piece in (b"123", b"4", b"56"):
        box.data(1, piece)
    assert joined(took(box), 1) == b"12"
    box.widen_stream(1, 2)
    box.data(1, b"7")
    assert joined(took(box), 1) == b"34"
    box.widen_stream(1, 100)
    assert joined(took(box), 1) == b"567"


def test_other_frames_need_no_window() -> None:
    box = outbox(1, window=0, connection=0)
    box.data(1, b"x")
    box.add(bytes(wire.ping()))
    assert took(box) == [wire.ping()]


def test_the_last_frames_wait_for_the_data() -> None:
    box = outbox(1, 3, window=2)
    box.data(1, b"123")
    box.finish(1, bytes(LAST))
    assert took(box) == [data(1, b"12")]
    assert len(box) == 2
    box.widen_stream(1, 1)
    assert took(box) == [data(1, b"3"), LAST]
    assert len(box) == 1
    assert box.freed == []  # nobody waits to say more
    assert not box.is_blocked(1)


def test_the_last_frames_need_no_window() -> None:
    box = outbox(1, window=0, connection=0)
    box.finish(1, bytes(LAST))
    assert took(box) == [LAST]
    assert len(box) == 0


def test_forgotten_streams_send_nothing() -> None:
    box = outbox(1, 3, 5, window=1)
    for stream in (1, 3, 5):
        box.data(stream, b"12")
    box.forget(3)
    box.forget(3)
    box.forget(99)
    assert sizes(took(box)) == [(1, 1), (5, 1)]
    assert not box.widen_stream(3, 1)
    assert box.widen_stream(1, 1)
    box.forget(1)
    assert box.take() == b""
    assert len(box) == 1


def test_framed_data_is_sent_after_all_streams_are_gone() -> None:
    box = outbox(1, 3, window=1)
    box.data(1, b"1")
    box.data(3, b"12")
    box.clear()
    assert took(box) == [data(1, b"1")]
    assert len(box) == 0


@pytest.mark.parametrize("largest", [16_384, 16_385, 40_000])
def test_no_frame_is_longer_than_the_client_takes(largest: int) -> None:
    box = outbox(1, 3, connection=100_000)
    box.max_frame = largest
    box.data(1, bytes(largest))
    box.data(3, bytes(largest + 1))
    assert sizes(took(box)) == [(1, largest), (3, largest), (3, 1)]


def test_frames_grow_and_shrink_with_what_the_client_takes() -> None:
    box = outbox(1, window=1_000_000, connection=1_000_000)
    box.data(1, bytes(100_000))
    box.max_frame = 50_000
    assert sizes(took(box)) == [(1, 50_000), (1, 50_000)]
    box.data(1, bytes(60_000))
    box.max_frame = 20_000
    assert sizes(took(box)) == [(1, 20_000)] * 3


def test_large_responses_are_sent_round_robin() -> None:
    box = outbox(1, 3, 5)
    box.data(1, bytes(40_000))
    box.data(3, bytes(20_000))
    box.data(5, b"x" * 10)
    full = 16_384
    assert sizes(took(box)) == [
        (5, 10),
        (1, full),
        (3, full),
        (1, full),
        (3, 20_000 - full),
        (1, 7_232),
    ]


def test_a_stream_without_window_does_not_block_others() -> None:
    box = outbox(1, 3, window=5)
    box.data(1, bytes(100))
    box.widen_stream(3, 1000)
    box.data(3, bytes(100))
    assert sizes(took(box)) == [(3, 100), (1, 5)]


def test_a_small_response_overtakes_a_large_one() -> None:
    box = outbox(1, 3, window=1_000_000, connection=10_000_000)
    box.data(1, bytes(1_000_000))
    took(box)
    box.data(3, b"small")
    assert frames_of(box.take())[0] == data(3, b"small")


def test_the_size_of_one_write_is_limited() -> None:
    box = outbox(1, window=10 * ROOM, connection=10 * ROOM)
    box.data(1, bytes(3 * ROOM))
    taken = []
    while part := box.take():
        assert len(part) <= ROOM + 2 * (16_384 + 9) + 9 * (ROOM // 16_384)
        taken.append(part)
    assert len(taken) == 3
    assert len(joined(frames_of(b"".join(taken)), 1)) == 3 * ROOM


def test_data_beyond_that_limit_waits() -> None:
    box = outbox(1, 3, window=10 * ROOM, connection=10 * ROOM)
    for _ in range(ROOM // 16_384 + 1):
        box.data(1, bytes(16_384))
    assert not box.is_blocked(1)
    box.data(1, b"late")
    box.data(3, b"other")
    assert box.is_blocked(1)
    assert box.is_blocked(3)
    first, second = took(box), took(box)
    assert len(joined(first, 1)) == ROOM + 16_384
    assert joined(first, 3) == b""
    assert second == [data(1, b"late"), data(3, b"other")]
    assert box.freed == [1, 3]


def test_a_new_initial_window_changes_those_of_open_streams_by_the_difference() -> None:
    box = outbox(1, 3, window=10)
    box.data(1, bytes(8))
    box.set_initial_window(13)
    box.open(5)
    for stream in (1, 3, 5):
        box.data(stream, bytes(20))
    assert sizes(took(box)) == [(1, 8), (1, 5), (3, 13), (5, 13)]


def test_a_negative_window_must_become_positive_first() -> None:
    box = outbox(1, window=10)
    box.data(1, bytes(10))
    box.set_initial_window(4)  # it has -6 left
    box.data(1, b"12")
    assert sizes(took(box)) == [(1, 10)]
    box.widen_stream(1, 6)
    assert box.take() == b""
    box.widen_stream(1, 1)
    assert took(box) == [data(1, b"1")]
    box.set_initial_window(5)
    assert took(box) == [data(1, b"2")]


@pytest.mark.parametrize("window", [0, 4, 10, 11])
def test_a_stream_that_waits_for_the_connection_may_lose_its_own_window(window: int) -> None:
    box = outbox(1, window=20, connection=10)
    box.data(1, bytes(10))
    box.data(1, b"abcdef")
    assert sizes(took(box)) == [(1, 10)]
    box.set_initial_window(window)
    box.widen(100)
    left = max(0, window - 10)
    assert took(box) == [data(1, b"abcdef"[:left])][: bool(left)]
    box.set_initial_window(20)
    assert joined(took(box), 1) == b"abcdef"[left:]


def test_empty_data_without_a_window_is_dropped() -> None:
    box = outbox(1, window=10)
    box.data(1, bytes(10))
    box.set_initial_window(0)
    box.data(1, b"")
    assert sizes(took(box)) == [(1, 10)]
    assert not box.is_blocked(1)


def test_windows_grow_to_the_largest_there_is() -> None:
    box = outbox(1)
    box.widen(LARGEST_WINDOW - DEFAULT)
    assert box.widen_stream(1, LARGEST_WINDOW - DEFAULT)
    with pytest.raises(StreamFault) as stream:
        box.widen_stream(1, 1)
    assert (stream.value.stream, stream.value.code) == (1, ErrorCode.FLOW_CONTROL_ERROR)
    with pytest.raises(ConnectionFault) as connection:
        box.widen(1)
    assert connection.value.code is ErrorCode.FLOW_CONTROL_ERROR


def test_window_update_of_0_is_an_error() -> None:
    box = outbox(1)
    with pytest.raises(StreamFault) as stream:
        box.widen_stream(1, 0)
    assert (stream.value.stream, stream.value.code) == (1, ErrorCode.PROTOCOL_ERROR)
    with pytest.raises(ConnectionFault) as connection:
        box.widen(0)
    assert connection.value.code is ErrorCode.PROTOCOL_ERROR


def test_an_initial_window_above_the_maximum_of_a_stream_is_an_error() -> None:
    box = outbox(1)
    box.widen_stream(1, 10)
    box.set_initial_window(LARGEST_WINDOW - 10)
    with pytest.raises(ConnectionFault) as caught:
        box.set_initial_window(LARGEST_WINDOW - 9)
    assert caught.value.code is ErrorCode.FLOW_CONTROL_ERROR


def test_a_stream_that_is_not_there_is_not_blocked() -> None:
    assert not outbox().is_blocked(1)
