"""The model server: responds to each request with events, at an interval or without pause."""

import asyncio
import re
from collections.abc import Callable, MutableSequence
from time import monotonic

from bench.streaming import events

STREAM_HEADER = "x-stream"
"""The header with the number of the stream. (A no-op filter replaces all bodies.)"""

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_STREAM = re.compile(rb"(?i)\r\n%b: *(\d+)" % STREAM_HEADER.encode())
_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_SIZE = b"%x\r\n" % len(events.event(0))
_BATCH = 32  # events in one write of a stream without pauses; about 16 KB


class ModelConnection(asyncio.Protocol):
    """A connection of Envoy, for one request.

    Args:
        sent: returns, for the number of a stream, the list to which event times are added.
        interval: seconds from one event to the next; None for no pause except backpressure.
    """

    def __init__(
        self, sent: Callable[[int], MutableSequence[float]], interval: float | None
    ) -> None:
        self._sent_of = sent
        self._sent: MutableSequence[float] = []
        self._interval = interval
        self._request = b""
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0
        self._paused = False
        self._over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- a socket's is
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Begin the response when the request is complete."""
        self._request += data
        head, found, body = self._request.partition(b"\r\n\r\n")
        length, stream = _LENGTH.search(head), _STREAM.search(head)
        if not found or length is None or stream is None or len(body) < int(length[1]):
            return
        self._sent = self._sent_of(int(stream[1]))
        self._transport.write(_HEAD)
        self._began = self._loop.time()
        self._go_on()

    def end(self) -> None:
        """End the stream, if it has not ended."""
        if self._over:
            return
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        self._transport.write(b"0\r\n\r\n")
        self._transport.close()

    def abort(self) -> None:
        """Close the connection if it is open."""
        if not self._transport.is_closing():
            self._transport.abort()

    def pause_writing(self) -> None:
        """See :class:`asyncio.Protocol`."""
        self._paused = True

    def resume_writing(self) -> None:
        """See :class:`asyncio.Protocol`."""
        self._paused = False
        if self._interval is None:
            self._go_on()

    def connection_lost(self, _error: Exception | None) -> None:
        """See :class:`asyncio.Protocol`."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()

    def _go_on(self) -> None:
        if self._over:
            return
        if self._interval is not None:
            self._write(1)
            # Relative to the start and not to now, so that delays do not add up.
            due = self._began + len(self._sent) * self._interval
            self._timer = self._loop.call_at(due, self._go_on)
        elif not self._paused:
            self._write(_BATCH)
            self._loop.call_soon(self._go_on)

    def _write(self, count: int) -> None:
        first = len(self._sent)
        chunks = [_SIZE + events.event(first + more) + b"\r\n" for more in range(count)]
        self._sent.extend([monotonic()] * count)
        self._transport.write(b"".join(chunks))
