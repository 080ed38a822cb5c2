"""Parsing of frames, and errors for invalid or misplaced ones."""

import pytest

from tests.unit.transport.h2 import wire
from tests.unit.transport.h2.wire import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITISED,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Frame,
    continuation,
    headers,
    padded,
    prioritised,
)
from translator.transport.h2.errors import ConnectionFault, ErrorCode
from translator.transport.h2.frame_reader import FrameReader, unpadded
from translator.transport.h2.limits import DEFAULTS, Limits
from translator.transport.h2.states import ConnectionState

UNKNOWN = 0x16


def reader(limits: Limits = DEFAULTS) -> FrameReader:
    """One that has been greeted."""
    reader = FrameReader(limits)
    assert read(reader, PREFACE + wire.wire(wire.settings())) == [wire.settings()]
    return reader


def read(reader: FrameReader, data: bytes) -> list[Frame]:
    return [Frame(*frame) for frame in reader.feed(data)]


def fault(reader: FrameReader, data: bytes) -> ErrorCode:
    with pytest.raises(ConnectionFault) as caught:
        read(reader, data)
    return caught.value.code


def test_a_preface_may_come_in_parts() -> None:
    for length in range(1, len(PREFACE)):
        reader = FrameReader(DEFAULTS)
        assert read(reader, PREFACE[:length]) == []
        assert read(reader, PREFACE[length:]) == []
        assert read(reader, bytes(wire.settings())) == [wire.settings()]


def test_a_wrong_preface_is_detected_at_its_first_wrong_byte() -> None:
    for at in range(len(PREFACE)):
        wrong = PREFACE[:at] + bytes([PREFACE[at] ^ 0x20])
        assert fault(FrameReader(DEFAULTS), wrong) is ErrorCode.PROTOCOL_ERROR
        late = FrameReader(DEFAULTS)
        read(late, PREFACE[:at])
        assert fault(late, wrong[at:]) is ErrorCode.PROTOCOL_ERROR


@pytest.mark.parametrize("first", [*(set(range(10)) - {SETTINGS}), UNKNOWN])
def test_the_first_frame_must_be_settings(first: int) -> None:
    frame = Frame(first, END_HEADERS, 1, bytes(8))
    assert fault(FrameReader(DEFAULTS), PREFACE + bytes(frame)) is ErrorCode.PROTOCOL_ERROR


def test_the_first_settings_cannot_be_an_acknowledgement() -> None:
    data = PREFACE + bytes(wire.SETTINGS_ACK)
    assert fault(FrameReader(DEFAULTS), data) is ErrorCode.PROTOCOL_ERROR


@pytest.mark.parametrize("size", [0, 1, 16_384])
def test_a_frame_of_any_size_that_is_allowed_is_read(size: int) -> None:
    frame = wire.data(3, bytes(size), end=True)
    assert read(reader(), bytes(frame)) == [frame]


def test_frames_may_come_in_parts() -> None:
    frames = [wire.data(1, bytes(50)), wire.data(3), headers(5, b"block"), wire.ping()]
    data = wire.wire(*frames)
    for size in (*range(1, 30), 100):
        known = reader()
        result = []
        for start in range(0, len(data), size):
            result += read(known, data[start : start + size])
        assert result == frames, size


def test_the_state_of_the_connection_is_tracked() -> None:
    reader = FrameReader(DEFAULTS)
    states = [reader.state]
    frames = wire.settings(), headers(1, b"", whole=False), continuation(1, b"")
    for part in (PREFACE, *map(bytes, frames)):
        read(reader, part)
        states.append(reader.state)
    assert states == [
        ConnectionState.PREFACE,
        ConnectionState.SETTINGS,
        ConnectionState.OPEN,
        ConnectionState.HEADER_BLOCK,
        ConnectionState.OPEN,
    ]


@pytest.mark.parametrize("size", [16_385, 2**24 - 1])
def test_a_larger_frame_is_refused_by_its_head(size: int) -> None:
    for kind in (*range(10), UNKNOWN):
        head = size.to_bytes(3) + bytes([kind, 0]) + bytes(4)
        known = reader()
        assert read(known, head[:8]) == []
        assert fault(known, head[8:]) is ErrorCode.FRAME_SIZE_ERROR


def test_frames_of_other_kinds_are_read_on_any_stream() -> None:
    frames = [
        Frame(kind, 0xFF, stream, b"anything") for kind in range(10, 256) for stream in (0, 1, 2)
    ]
    assert read(reader(), wire.wire(*frames)) == frames


@pytest.mark.parametrize("frame", [wire.data(5), wire.headers(5, b""), wire.rst_stream(5, 0)])
def test_the_reserved_bit_of_a_stream_is_not_read(frame: Frame) -> None:
    reserved = frame._replace(stream=frame.stream | 1 << 31)
    assert read(reader(), bytes(reserved)) == [frame]


@pytest.mark.parametrize("kind", [PUSH_PROMISE, CONTINUATION])
def test_push_promise_and_stray_continuation_are_errors(kind: int) -> None:
    assert fault(reader(), bytes(Frame(kind, END_HEADERS, 1, bytes(8)))) is ErrorCode.PROTOCOL_ERROR


@pytest.mark.parametrize(
    ("kind", "flags", "right"),
    [
        pytest.param(PRIORITY, 0, {5}, id="PRIORITY"),
        pytest.param(RST_STREAM, 0, {4}, id="RST_STREAM"),
        pytest.param(SETTINGS, 0, {0, 6, 12}, id="SETTINGS"),
        pytest.param(SETTINGS, ACK, {0}, id="SETTINGS_ACK"),
        pytest.param(PING, 0, {8}, id="PING"),
        pytest.param(PING, ACK, {8}, id="PING_ACK"),
        pytest.param(GOAWAY, 0, {*range(8, 14)}, id="GOAWAY"),
        pytest.param(WINDOW_UPDATE, 0, {4}, id="WINDOW_UPDATE"),
    ],
)
def test_frames_of_fixed_size_are_checked(kind: int, flags: int, right: set[int]) -> None:
    stream = 0 if kind in {SETTINGS, PING, GOAWAY} else 1
    for size in range(14):
        frame = Frame(kind, flags, stream, bytes(size))
        if size in right:
            assert read(reader(), bytes(frame)) == [frame]
        else:
            assert fault(reader(), bytes(frame)[:9]) is ErrorCode.FRAME_SIZE_ERROR


@pytest.mark.parametrize(
    "frame",
    [
        wire.settings()._replace(stream=1),
        wire.SETTINGS_ACK._replace(stream=2),
        wire.ping()._replace(stream=1),
        wire.goaway(0, 0)._replace(stream=3),
        Frame(PRIORITY, 0, 0, bytes(5)),
    ],
)
def test_connection_frames_have_stream_0_and_others_do_not(
    frame: Frame,
) -> None:
    assert fault(reader(), bytes(frame)) is ErrorCode.PROTOCOL_ERROR


def test_header_blocks_are_joined() -> None:
    frames = [
        headers(3, b"one ", end=True, whole=False),
        continuation(3, b"", whole=False),
        continuation(3, b"two ", whole=False),
        continuation(3, b"three"),
    ]
    whole = headers(3, b"one two three", end=True, whole=False)
    assert read(reader(), wire.wire(*frames)) == [whole]


def test_after_a_block_another_may_come() -> None:
    one, other = headers(1, b"a"), headers(3, b"b")
    assert read(reader(), wire.wire(one, other)) == [one, other]


@pytest.mark.parametrize("padding", [0, 1, 100, 255])
@pytest.mark.parametrize("more", [True, False])
def test_padding_and_priority_are_no_part_of_a_block(padding: int, *, more: bool) -> None:
    plain = headers(1, b"block", whole=not more)
    for frame in (padded(plain, padding), padded(prioritised(plain), padding), prioritised(plain)):
        frames = [frame, continuation(1, b" more")] if more else [frame]
        (result,) = read(reader(), wire.wire(*frames))
        assert (result.kind, result.stream) == (HEADERS, 1)
        assert result.payload == (b"block more" if more else b"block")


@pytest.mark.parametrize(
    ("flags", "payload", "code"),
    [
        (PADDED, b"", ErrorCode.FRAME_SIZE_ERROR),  # section 4.2: too small for what it must have
        (PADDED, b"\x01", ErrorCode.PROTOCOL_ERROR),
        (PADDED, b"\x06block", ErrorCode.PROTOCOL_ERROR),
        (PADDED, b"\xff" + bytes(254), ErrorCode.PROTOCOL_ERROR),
        (PRIORITISED, b"", ErrorCode.FRAME_SIZE_ERROR),
        (PRIORITISED, bytes(4), ErrorCode.FRAME_SIZE_ERROR),
        (PADDED | PRIORITISED, b"", ErrorCode.FRAME_SIZE_ERROR),
        (PADDED | PRIORITISED, bytes(5), ErrorCode.FRAME_SIZE_ERROR),
        # Section 6.2: there is room for the priority, but the padding takes it.
        (PADDED | PRIORITISED, b"\x01" + bytes(5), ErrorCode.PROTOCOL_ERROR),
        (PADDED | PRIORITISED, b"\x06" + bytes(10), ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_padding_longer_than_the_payload_is_an_error(
    flags: int, payload: bytes, code: ErrorCode
) -> None:
    frame = Frame(HEADERS, flags | END_HEADERS, 1, payload)
    assert fault(reader(), bytes(frame)) is code


def test_a_block_may_be_all_padding() -> None:
    (frame,) = read(reader(), bytes(padded(prioritised(headers(1, b"")), 255)))
    assert frame.payload == b""


def test_padding_is_taken_off() -> None:
    for padding in range(256):
        assert unpadded(padded(wire.data(1, b"x"), padding).payload) == b"x"
        assert unpadded(padded(wire.data(1), padding).payload) == b""


def test_padding_needs_a_length() -> None:
    with pytest.raises(ConnectionFault) as caught:
        unpadded(b"")
    assert caught.value.code is ErrorCode.FRAME_SIZE_ERROR


@pytest.mark.parametrize(
    "between",
    [*(Frame(kind, 0, 1, bytes(8)) for kind in range(9)), Frame(UNKNOWN), continuation(3, b"")],
)
def test_frames_inside_a_header_block_are_an_error(between: Frame) -> None:
    data = wire.wire(headers(1, b"begin", whole=False), between)
    assert fault(reader(), data) is ErrorCode.PROTOCOL_ERROR


def test_continuation_frames_are_limited() -> None:
    limits = Limits(continuations=2)
    begin, more = headers(1, b"a", whole=False), continuation(1, b"b", whole=False)
    whole = wire.wire(begin, more, continuation(1, b"c"))
    assert [frame.payload for frame in read(reader(limits), whole * 2)] == [b"abc", b"abc"]
    too_many = wire.wire(begin, more, more, continuation(1, b"c"))
    assert fault(reader(limits), too_many) is ErrorCode.ENHANCE_YOUR_CALM


def test_header_blocks_are_limited() -> None:
    limits = Limits(header_block=10)
    right = wire.wire(headers(1, bytes(6), whole=False), continuation(1, bytes(4)))
    assert [len(frame.payload) for frame in read(reader(limits), right)] == [10]
    wrong = wire.wire(headers(1, bytes(6), whole=False), continuation(1, bytes(5)))
    assert fault(reader(limits), wrong) is ErrorCode.ENHANCE_YOUR_CALM
    assert fault(reader(limits), bytes(headers(1, bytes(11)))) is ErrorCode.ENHANCE_YOUR_CALM
    # Before the end is there.
    early = wire.wire(headers(1, bytes(11), whole=False))
    assert fault(reader(limits), early) is ErrorCode.ENHANCE_YOUR_CALM


def test_padding_of_a_block_is_not_counted() -> None:
    frame = padded(prioritised(headers(1, bytes(10))), 255)
    assert len(read(reader(Limits(header_block=10)), bytes(frame))) == 1


def test_unknown_flags_are_ignored() -> None:
    flags = 0xFF & ~(PADDED | PRIORITISED)
    frame = Frame(HEADERS, flags, 1, b"block")
    assert read(reader(), bytes(frame)) == [frame]
    assert read(reader(), bytes(Frame(DATA, END_STREAM | 0x70, 1))) == [Frame(DATA, 0x71, 1)]
    assert read(reader(), bytes(Frame(SETTINGS, 0xFE))) == [Frame(SETTINGS, 0xFE)]
