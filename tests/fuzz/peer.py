"""What a fuzzer may do to the lean transport, and what must hold whatever it does."""

import asyncio
from typing import Any

from hyperframe.frame import Frame, GoAwayFrame

from translator.extproc.session import Session
from translator.transport.h2.frames import PREFACE
from translator.transport.h2.limits import Limits
from translator.transport.h2.peer import LARGEST_READ, Peer
from translator.transport.h2.services import Services

LIMITS = Limits(
    streams=4,
    header_block=2048,
    continuations=3,
    message=8192,
    window=4096,
    connection_window=65_536,
    useless=40,
    wasted=8,
)
"""So small that a fuzzer can reach each."""

_GREETING = PREFACE + b"\0\0\0\x04\0\0\0\0\0"
_MOST = 4 * 1024 * 1024  # bytes that a connection may write to one who has sent a few kilobytes


class Socket:
    """Stands for a connection's socket, whose client does not read while it is ``full``."""

    def __init__(self) -> None:
        self.written = b""
        self.reading = True
        self.over = False

    def write(self, data: bytes) -> None:
        assert not self.over, "written after the end"
        assert data, "an empty write"
        self.written += data

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.over

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0

    def write_eof(self) -> None:
        self.over = True

    def abort(self) -> None:
        self.over = True


async def attack(data: bytes) -> None:
    """Show a connection some bytes as a fuzzer wants them: greeted or not, in which pieces.

    The first byte says whether the greeting comes before the rest, the second how long the pieces
    are, and when the client stops reading for a while.
    """
    if len(data) < 2:
        return
    how, rest = data[:2], data[2:]
    if how[0] & 1:
        rest = _GREETING + rest
    step = how[1] or len(rest) + 1
    services = Services(lambda _: Session())
    services.health.set(serving=True)
    services.draining = bool(how[0] & 4)
    peers: set[Peer] = set()
    peer = Peer(services, LIMITS, peers, memoryview(bytearray(LARGEST_READ)))
    socket: Any = Socket()
    peer.connection_made(socket)
    try:
        for number, start in enumerate(range(0, len(rest), step)):
            if how[0] & 2 and number % 8 == 3:
                peer.pause_writing()
            if how[0] & 2 and number % 8 == 5:
                peer.resume_writing()
            if socket.over:
                break
            read(peer, rest[start : start + step])
            await asyncio.sleep(0)
        if how[0] & 2:
            peer.resume_writing()
    finally:
        peer.connection_lost(None)
    await asyncio.sleep(0)
    assert not peers
    assert not services.open, "a session that nobody closed"
    check(socket.written, over=socket.over)


def read(peer: Peer, data: bytes) -> None:
    """Give a connection bytes to read, as asyncio does."""
    while data:
        buffer = peer.get_buffer(-1)
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        peer.buffer_updated(size)
        data = data[size:]


def check(written: bytes, *, over: bool) -> None:
    """What was written must be frames, and GOAWAY the last of them if the connection is over."""
    assert len(written) < _MOST
    frames = []
    while written:
        frame, length = Frame.parse_frame_header(memoryview(written[:9]))
        body = written[9 : 9 + length]
        assert len(body) == length, "half a frame"
        frame.parse_body(memoryview(body))
        frames.append(frame)
        written = written[9 + length :]
    farewells = [frame for frame in frames if isinstance(frame, GoAwayFrame)]
    assert len(farewells) == int(over), farewells
    if over:
        assert frames[-1] is farewells[0], "something after GOAWAY"


def run(data: bytes) -> None:
    """Run :func:`attack` in a loop of its own."""
    with asyncio.Runner() as runner:
        runner.run(attack(data))
