"""Frames as a client may send them, for good or ill, and checks of what it is sent."""

from hyperframe.frame import Frame as Parsed
from hypothesis import strategies as st

from tests.unit.transport.h2 import wire
from tests.unit.transport.h2.wire import (
    CALL,
    LARGEST_WINDOW,
    LAST,
    REQUEST,
    Frame,
    block,
    frames_of,
    padded,
    prioritised,
)

STREAMS = st.sampled_from([1, 1, 1, 3, 3, 3, 5, 7, 9, 0, 2, LARGEST_WINDOW])
_SIZES = st.sampled_from([0, 1, 5, 100, 4_000, 16_384])
_BLOCKS = st.one_of(
    st.sampled_from(
        [
            REQUEST,
            REQUEST,
            REQUEST[1:],
            REQUEST + b"\x40\x01x\x01y",
            REQUEST + b"\xbe",
            block(*CALL[1:]),
            LAST,
            b"",
            b"\x20" * 500,
            b"\x82" * 500,
        ]
    ),
    st.binary(max_size=30),
)
_NUMBERS = st.sampled_from([0, 1, 100, 16_384, 65_535, 100_000, LARGEST_WINDOW, 2**31, 2**32 - 1])
_SETTINGS = st.lists(
    st.tuples(st.sampled_from([*range(9), wire.WINDOW, wire.WINDOW, wire.FRAME_SIZE]), _NUMBERS),
    max_size=4,
)

_SOUND: st.SearchStrategy[Frame] = st.one_of(
    st.builds(wire.headers, STREAMS, _BLOCKS, end=st.booleans(), whole=st.just(value=True)),
    st.builds(wire.headers, STREAMS, st.just(REQUEST), end=st.booleans(), whole=st.booleans()),
    st.builds(wire.continuation, STREAMS, _BLOCKS, whole=st.booleans()),
    st.builds(wire.data, STREAMS, _SIZES.map(bytes), end=st.booleans()),
    st.builds(wire.rst_stream, STREAMS, _NUMBERS),
    st.builds(wire.window_update, STREAMS, _NUMBERS),
    st.builds(lambda pairs: wire.settings(*pairs), _SETTINGS),
    st.just(wire.SETTINGS_ACK),
    st.builds(wire.ping, st.binary(min_size=8, max_size=8), ack=st.booleans()),
    st.builds(wire.goaway, STREAMS, _NUMBERS, st.binary(max_size=5)),
    st.builds(Frame, st.just(wire.PRIORITY), st.just(0), STREAMS, st.just(bytes(5))),
)
_CLAIMED = st.one_of(st.none(), st.integers(0, 255))
_PADDED = st.builds(padded, _SOUND, st.integers(0, 255), _CLAIMED)
_PRIORITISED = st.builds(prioritised, _SOUND)
_UNSOUND = st.builds(
    Frame, st.integers(0, 12), st.integers(0, 255), STREAMS, st.binary(max_size=20)
)

FRAMES: st.SearchStrategy[Frame] = st.one_of(
    _SOUND, _SOUND, _SOUND, _PADDED, _PRIORITISED, _UNSOUND
)
"""One frame, more often than not one that may come."""


def checked(data: bytes) -> list[Frame]:
    """The frames that a server has sent, once hyperframe has read them too."""
    rest = memoryview(data)
    while rest:
        frame, size = Parsed.parse_frame_header(rest[:9], strict=True)
        frame.parse_body(rest[9 : 9 + size])
        assert bytes(rest[: 9 + size]) == frame.serialize()
        rest = rest[9 + size :]
    return frames_of(data)
