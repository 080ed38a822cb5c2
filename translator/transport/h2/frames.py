"""The frames of HTTP/2 as bytes (RFC 9113, sections 4 and 6)."""

from enum import IntEnum
from struct import Struct

from translator.transport.h2.errors import ConnectionFault, ErrorCode

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_SIZE = 9
LARGEST_WINDOW = 2**31 - 1
DEFAULT_WINDOW = 65_535
SMALLEST_MAX_FRAME, LARGEST_MAX_FRAME = 16_384, 2**24 - 1
PRIORITY_SIZE = 5


class Kind(IntEnum):
    """The kinds of frames. Other kinds are ignored."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITISED = 0x20


class Setting(IntEnum):
    """The settings in a SETTINGS frame."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


# The length has three bytes, for which struct has no format: two and one.
_HEAD = Struct(">HBBBL")
_SETTING = Struct(">HL")
_LONG = Struct(">L")
_PAIR = Struct(">LL")

read_head = _HEAD.unpack_from
"""Reads length (its upper two bytes and its lowest), kind, flags and stream of a frame."""


def head(length: int, kind: int, flags: int, stream: int) -> bytes:
    """The header of a frame: the nine bytes before its payload."""
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream)


def settings(values: dict[Setting, int]) -> bytes:
    """A SETTINGS frame."""
    payload = b"".join(_SETTING.pack(*pair) for pair in values.items())
    return head(len(payload), Kind.SETTINGS, 0, 0) + payload


def read_settings(payload: bytes) -> dict[int, int]:
    """The values of a SETTINGS payload, whose length must be a multiple of six.

    If a setting occurs several times, the last value is used.

    Raises:
        ConnectionFault: a value is out of range.
    """
    pairs: list[tuple[int, int]] = [*_SETTING.iter_unpack(payload)]
    for setting, value in pairs:
        match setting:
            case Setting.ENABLE_PUSH if value > 1:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1")
            case Setting.INITIAL_WINDOW_SIZE if value > LARGEST_WINDOW:
                raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window too large")
            case Setting.MAX_FRAME_SIZE if not SMALLEST_MAX_FRAME <= value <= LARGEST_MAX_FRAME:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "MAX_FRAME_SIZE out of range")
    return dict(pairs)


SETTINGS_ACK = head(0, Kind.SETTINGS, ACK, 0)
"""The acknowledgement of SETTINGS."""


def ping_ack(payload: bytes) -> bytes:
    """The acknowledgement of a PING, with its payload."""
    return head(len(payload), Kind.PING, ACK, 0) + payload


def headers(stream: int, block: bytes, *, end: bool = False) -> bytes:
    """A HEADERS frame with a block that fits into one frame."""
    flags = END_HEADERS | END_STREAM if end else END_HEADERS
    return head(len(block), Kind.HEADERS, flags, stream) + block


def goaway(last: int, code: ErrorCode, reason: str = "") -> bytes:
    """A GOAWAY frame: streams after ``last`` are not processed."""
    payload = _PAIR.pack(last, code) + reason.encode()
    return head(len(payload), Kind.GOAWAY, 0, 0) + payload


def rst_stream(stream: int, code: ErrorCode) -> bytes:
    """An RST_STREAM frame."""
    return head(4, Kind.RST_STREAM, 0, stream) + _LONG.pack(code)


def window_update(stream: int, increment: int) -> bytes:
    """A WINDOW_UPDATE frame; for the connection if ``stream`` is 0."""
    return head(4, Kind.WINDOW_UPDATE, 0, stream) + _LONG.pack(increment)


def read_long(payload: bytes) -> int:
    """A number of 31 bits, such as WINDOW_UPDATE's increment; the bit before them is reserved."""
    return int.from_bytes(payload) & LARGEST_WINDOW
