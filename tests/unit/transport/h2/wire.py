"""Frames as a client writes and reads them, by RFC 9113's numbers and not by the code's."""

from collections.abc import Iterable
from typing import NamedTuple

from hpack import Encoder

PREFACE = bytes.fromhex("505249202a20485454502f322e300d0a0d0a534d0d0a0d0a")  # section 3.4

(
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION,
) = range(10)
ACK = END_STREAM = 0x1
END_HEADERS, PADDED, PRIORITISED = 0x4, 0x8, 0x20
TABLE_SIZE, PUSH, STREAMS, WINDOW, FRAME_SIZE, LIST_SIZE = range(1, 7)
LARGEST_WINDOW = 2**31 - 1

Field = tuple[str, str]


class Frame(NamedTuple):
    """One frame."""

    kind: int
    flags: int = 0
    stream: int = 0
    payload: bytes = b""

    def __bytes__(self) -> bytes:
        head = len(self.payload).to_bytes(3) + bytes([self.kind, self.flags])
        return head + self.stream.to_bytes(4) + self.payload


def wire(*frames: Frame) -> bytes:
    return b"".join(map(bytes, frames))


def frames_of(data: bytes) -> list[Frame]:
    """The frames that these bytes are, all of them whole."""
    frames = []
    while data:
        end = 9 + int.from_bytes(data[:3])
        assert len(data) >= end, "a frame is cut"
        frames.append(Frame(data[3], data[4], int.from_bytes(data[5:9]), data[9:end]))
        data = data[end:]
    return frames


def data(stream: int, payload: bytes = b"", *, end: bool = False) -> Frame:
    return Frame(DATA, END_STREAM * end, stream, payload)


def padded(frame: Frame, padding: int, claimed: int | None = None) -> Frame:
    """The frame with so many bytes of padding, which it says, or claims that there are others."""
    said = bytes([padding if claimed is None else claimed])
    payload = said + frame.payload + bytes(padding)
    return frame._replace(flags=frame.flags | PADDED, payload=payload)


def prioritised(frame: Frame) -> Frame:
    priority = (1 << 31 | 5).to_bytes(4) + b"\x0f"
    return frame._replace(flags=frame.flags | PRIORITISED, payload=priority + frame.payload)


def headers(stream: int, block: bytes, *, end: bool = False, whole: bool = True) -> Frame:
    return Frame(HEADERS, END_STREAM * end | END_HEADERS * whole, stream, block)


def continuation(stream: int, block: bytes, *, whole: bool = True) -> Frame:
    return Frame(CONTINUATION, END_HEADERS * whole, stream, block)


def settings(*pairs: tuple[int, int]) -> Frame:
    payload = b"".join(name.to_bytes(2) + value.to_bytes(4) for name, value in pairs)
    return Frame(SETTINGS, 0, 0, payload)


SETTINGS_ACK = Frame(SETTINGS, ACK)


def ping(payload: bytes = b"12345678", *, ack: bool = False) -> Frame:
    return Frame(PING, ACK * ack, 0, payload)


def rst_stream(stream: int, code: int) -> Frame:
    return Frame(RST_STREAM, 0, stream, code.to_bytes(4))


def window_update(stream: int, increment: int) -> Frame:
    return Frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4))


def goaway(last: int, code: int, reason: bytes = b"") -> Frame:
    return Frame(GOAWAY, 0, 0, last.to_bytes(4) + code.to_bytes(4) + reason)


def block(*fields: Field, encoder: Encoder | None = None) -> bytes:
    """A header block: without a dynamic table, or with that of an encoder."""
    if encoder is not None:
        return encoder.encode(fields)
    # Never indexed, so that it says the same to every table.
    plain = Encoder().encode([(name, value, True) for name, value in fields])
    return b"\x20" + plain  # a table of nothing, as our SETTINGS want it


CALL: tuple[Field, ...] = (
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/package.Service/Method"),
    (":authority", "translator"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
)
REQUEST = block(*CALL)
"""The header block of a request."""
ANSWER = block((":status", "200"))
LAST = block(("grpc-status", "0"))


def joined(frames: Iterable[Frame], stream: int) -> bytes:
    """The data of one stream."""
    return b"".join(
        frame.payload for frame in frames if frame.kind == DATA and frame.stream == stream
    )
