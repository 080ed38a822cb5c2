"""A client that reads one stream, notes the time of each complete event, and detects errors."""

import asyncio
from array import array
from time import monotonic

from bench.results import BenchError
from bench.streaming import events

_END_OF_HEAD = b"\r\n\r\n"


class Chunks:
    """An incremental decoder of the chunked transfer coding (RFC 9112, section 7.1).

    Attributes:
        ended: whether the last chunk has been received.
    """

    def __init__(self) -> None:
        self.ended = False
        self._rest = b""  # the beginning of a line
        self._left = 0  # bytes until the end of the chunk

    def feed(self, data: bytes) -> bytes:
        """Decode the next bytes of the connection; returns the body in them.

        Raises:
            ValueError: the bytes are not chunked.
        """
        data, at = self._rest + data, 0
        self._rest = b""
        found = []
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                found.append(piece)
                self._left -= len(piece)
                at += len(piece)
                continue
            end = data.find(b"\r\n", at)
            if end < 0:
                self._rest = data[at:]
                break
            if end > at:  # else it is the line end after a chunk
                self._left = int(data[at:end], 16)
                self.ended = self._left == 0
            at = end + 2
        return b"".join(found)


class Client(asyncio.Protocol):
    """One connection with one request.

    Args:
        request: head and body.
        numbered: whether events have their numbers, or all the same content.

    Attributes:
        asked: the time at which the request was written.
        received: the time at which each event of the model server was complete here.
        last: the end of the received data.
        begun: done with the first event.
        ended: done when the server has closed the connection. Both raise BenchError if wrong events
            were received.
    """

    def __init__(self, request: bytes, *, numbered: bool) -> None:
        loop = asyncio.get_running_loop()
        self.asked = 0.0
        self.received = array("d")
        self.last = b""
        self.begun: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._request = request
        self._numbered = numbered
        self._head: bytes | None = b""  # None after it has been read
        self._chunks = Chunks()
        self._open = b""  # the incomplete event
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- a socket's is
        self._transport = transport
        self.asked = monotonic()
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note the events that are complete now."""
        now = monotonic()
        try:
            self._take(self._chunks.feed(self._without_head(data)), now)
        except BenchError as error:
            self._fail(error)
        except ValueError as error:
            self._fail(BenchError(f"not chunked as HTTP has it: {error}"))

    def connection_lost(self, error: Exception | None) -> None:
        """Set the result."""
        if error is not None or not self._chunks.ended or self._open:
            self._fail(error or BenchError(f"a stream broke off after {len(self.received)} events"))
        elif not self.ended.done():
            self.ended.set_result(None)

    def abort(self) -> None:
        """Close the connection if it is open."""
        if not self._transport.is_closing():
            self._transport.abort()

    def _fail(self, error: Exception) -> None:
        for future in (self.begun, self.ended):
            if not future.done():
                future.set_exception(error)
                future.exception()  # marks it as retrieved: perhaps only one of both is awaited
        self._transport.abort()

    def _without_head(self, data: bytes) -> bytes:
        if self._head is None:
            return data
        self._head += data
        head, found, rest = self._head.partition(_END_OF_HEAD)
        if not found:
            return b""
        if not head.startswith(b"HTTP/1.1 200 "):
            raise BenchError(f"not a good answer: {self._head.decode(errors='replace')}")
        self._head = None
        return rest

    def _take(self, body: bytes, now: float) -> None:
        whole, ended, self._open = (self._open + body).rpartition(b"\n\n")
        if not ended:
            return
        self.last = (self.last + whole + ended)[-len(events.DONE) :]
        numbers = events.NUMBER.findall(whole)
        first = len(self.received)
        if self._numbered and [*map(int, numbers)] != [*range(first, first + len(numbers))]:
            raise BenchError(f"after {first} events came those with the numbers {numbers}")
        self.received.extend([now] * len(numbers))
        if numbers and not self.begun.done():
            self.begun.set_result(None)
