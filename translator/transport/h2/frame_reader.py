"""Splits the client's bytes into frames, and joins header blocks.

Source: RFC 9113, sections 3.4 (preface), 4.1 (frames), 6.2 and 6.10 (HEADERS, CONTINUATION).
"""

from collections.abc import Iterator

from translator.transport.h2.errors import ConnectionFault, ErrorCode
from translator.transport.h2.frames import (
    ACK,
    END_HEADERS,
    HEAD_SIZE,
    LARGEST_WINDOW,
    PADDED,
    PREFACE,
    PRIORITISED,
    PRIORITY_SIZE,
    SMALLEST_MAX_FRAME,
    Kind,
    read_head,
)
from translator.transport.h2.limits import Limits
from translator.transport.h2.states import CONNECTION, ConnectionState

Frame = tuple[int, int, int, bytes]
"""Kind, flags, stream and payload. The payload of HEADERS is the whole header block."""


class FrameReader:
    """Parses the bytes of one connection.

    Args:
        limits: the limits of header blocks.

    Attributes:
        state: the state of the connection.
    """

    def __init__(self, limits: Limits) -> None:
        self.state = ConnectionState.PREFACE
        self._limits = limits
        self._rest = b""  # the beginning of a frame
        self._block: list[bytes] = []
        self._block_flags = self._block_stream = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Parse the next bytes; yields the frames that they complete.

        Raises:
            ConnectionFault: the bytes are not HTTP/2, or a frame is out of order.
        """
        data = self._rest + data if self._rest else data
        position, end = 0, len(data)
        if self.state is ConnectionState.PREFACE:
            position = self._preface(data)
            if not position:
                self._rest = data
                return
        while end - position >= HEAD_SIZE:
            upper, lower, kind, flags, stream = read_head(data, position)
            size = upper << 8 | lower
            if size > SMALLEST_MAX_FRAME:  # our SETTINGS do not allow more
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "frame too large")
            stream &= LARGEST_WINDOW  # the bit before it is reserved
            if kind != _DATA or self.state is not ConnectionState.OPEN:
                self._check(kind, flags, stream, size)
            begin = position + HEAD_SIZE
            if end - begin < size:
                break
            position = begin + size
            if kind in _SPECIAL:
                yield from self._special(kind, flags, stream, data[begin:position])
            else:
                yield kind, flags, stream, data[begin:position]
        self._rest = data[position:]

    def _preface(self, data: bytes) -> int:
        """Check the preface. Returns its length, or 0 if it is incomplete."""
        if data[: len(PREFACE)] != PREFACE[: len(data)]:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "not HTTP/2")
        if len(data) < len(PREFACE):
            return 0
        self.state = ConnectionState.SETTINGS
        return len(PREFACE)

    def _check(self, kind: int, flags: int, stream: int, size: int) -> None:
        """Refuse a frame that is out of order, on a wrong stream or of a wrong size."""
        if kind not in CONNECTION[self.state]:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"frame {kind} out of place")
        if (stream and kind in _ON_CONNECTION) or (not stream and kind == Kind.PRIORITY):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"frame {kind} on stream {stream}")
        if (
            size != _SIZES.get(kind, size)
            or (kind == Kind.SETTINGS and (size % _SETTING_SIZE or (size and flags & ACK)))
            or (kind == Kind.GOAWAY and size < _LEAST_GOAWAY)
        ):
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, f"frame {kind} of {size} bytes")

    def _special(self, kind: int, flags: int, stream: int, payload: bytes) -> Iterator[Frame]:
        """Process the frames that change the state."""
        if kind == Kind.SETTINGS:
            if self.state is ConnectionState.SETTINGS and flags & ACK:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "first SETTINGS with ACK")
            self.state = ConnectionState.OPEN
            yield kind, flags, stream, payload
            return
        if kind == Kind.HEADERS:
            self._block, self._block_flags, self._block_stream = [], flags, stream
            payload = _block(flags, payload)
        elif stream != self._block_stream:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "another stream's CONTINUATION")
        self._block.append(payload)
        if len(self._block) > self._limits.continuations + 1:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many CONTINUATION frames")
        if sum(map(len, self._block)) > self._limits.header_block:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "header block too large")
        if flags & END_HEADERS:
            self.state = ConnectionState.OPEN
            yield Kind.HEADERS, self._block_flags, stream, b"".join(self._block)
        else:
            self.state = ConnectionState.HEADER_BLOCK


_DATA = int(Kind.DATA)
_SPECIAL = frozenset({Kind.SETTINGS, Kind.HEADERS, Kind.CONTINUATION})
_ON_CONNECTION = frozenset({Kind.SETTINGS, Kind.PING, Kind.GOAWAY})
_SIZES: dict[int, int] = {
    Kind.PRIORITY: PRIORITY_SIZE,
    Kind.RST_STREAM: 4,
    Kind.PING: 8,
    Kind.WINDOW_UPDATE: 4,
}
_SETTING_SIZE, _LEAST_GOAWAY = 6, 8


def _block(flags: int, payload: bytes) -> bytes:
    """The part of a header block in a HEADERS frame."""
    begin = PRIORITY_SIZE if flags & PRIORITISED else 0
    if flags & PADDED:
        payload = unpadded(payload, begin)
    elif len(payload) < begin:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "no room for the priority")
    return payload[begin:]


def unpadded(payload: bytes, least: int = 0) -> bytes:
    """The payload of a frame without its padding (sections 6.1 and 6.2).

    Args:
        payload: the whole payload.
        least: the number of its bytes that are neither padding nor its length.

    Raises:
        ConnectionFault: FRAME_SIZE_ERROR, the payload has no length of the padding; PROTOCOL_ERROR,
            the padding is longer than the payload.
    """
    if len(payload) <= least:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "no room for padding")
    if payload[0] >= len(payload) - least:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "more padding than payload")
    return payload[1 : len(payload) - payload[0]]
