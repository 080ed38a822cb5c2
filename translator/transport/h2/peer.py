"""One connection on asyncio: its socket, its HTTP/2 state and its calls."""

import asyncio
import logging
from contextlib import suppress
from time import monotonic
from typing import cast

from translator.transport.h2.calls import Call, Request
from translator.transport.h2.connection import Connection
from translator.transport.h2.errors import ConnectionFault, ErrorCode
from translator.transport.h2.events import Event, Opened, Received, Reset
from translator.transport.h2.limits import PERIOD, Limits
from translator.transport.h2.messages import Status
from translator.transport.h2.services import Services

logger = logging.getLogger(__name__)

# Bytes of replies that are sent before the whole read has been processed: one read can have
# messages of many streams, and the first reply should not wait for the last.
_FLUSH_SIZE = 8192
_SLOW_READ = 0.002  # seconds of processing after which the next read of a connection is smaller
_SMALLEST_READ = 1024  # bytes of the smallest read
LARGEST_READ = 64 * 1024
"""Bytes of the largest read."""
LINGER = 1.0
"""Seconds for a client to read the last bytes."""


class Peer(asyncio.BufferedProtocol):
    """One connection.

    Args:
        services: the services that the client can call.
        limits: the limits of the connection.
        peers: all open connections; this one is a member while it is open.
        buffer: for :data:`LARGEST_READ` bytes. Connections can share it, because each read is
            copied. asyncio's default allocates a buffer of four times this size for every read,
            which takes a tenth of the CPU of an exchange.

    Attributes:
        gone: set when the connection is closed.
    """

    def __init__(
        self, services: Services, limits: Limits, peers: "set[Peer]", buffer: memoryview
    ) -> None:
        self._services = services
        self._limits = limits
        self._peers = peers
        self._connection = Connection(limits)
        self._calls: dict[int, Call] = {}
        self._leaving = False  # close the connection after all data is sent
        self._parting = False  # all data is sent, and the write side is closed
        self._full = False  # the write buffer is full: the client reads too slowly
        self._silent = 0.0  # seconds
        self._buffer = buffer
        self._room = _SMALLEST_READ  # bytes of the next read
        self._loop = asyncio.get_running_loop()
        self.gone = asyncio.Event()
        self._timer = self._loop.call_later(limits.greeting, self._greeted)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        if self._services.closed:  # accepted while the listener was closing
            self._transport.abort()
            return
        self._peers.add(self)
        self.flush()

    def get_buffer(self, _sizehint: int) -> memoryview:
        """See :class:`asyncio.BufferedProtocol`."""
        return self._buffer[: self._room]

    def buffer_updated(self, size: int) -> None:
        """See :class:`asyncio.BufferedProtocol`."""
        self._silent = 0.0
        began = monotonic()
        for event in self._connection.receive(bytes(self._buffer[:size])):
            self._handle(event)
        # Small header blocks take much CPU per byte. The rest stays in the kernel, and the other
        # connections are read first.
        if monotonic() - began > _SLOW_READ:
            self._room = max(self._room // 2, _SMALLEST_READ)
        else:
            self._room = min(self._room * 2, LARGEST_READ)
        self._services.turns.run()
        self.flush()

    def pause_writing(self) -> None:
        """See :class:`asyncio.Protocol`. Stop reading while the write buffer is full."""
        self._full = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """See :class:`asyncio.Protocol`."""
        self._full = False
        self._transport.resume_reading()
        # Not now: asyncio calls this during a write, and would close the connection twice if a
        # write fails here.
        self._loop.call_soon(self.flush)

    def connection_lost(self, _error: Exception | None) -> None:
        """See :class:`asyncio.Protocol`."""
        self._peers.discard(self)
        self._timer.cancel()
        self.gone.set()
        self._close_calls()

    def leave(self) -> None:
        """Send GOAWAY, and close the connection when all data has been sent."""
        for call in self._calls.values():
            call.finish(Status.UNAVAILABLE, "draining")
        self._calls.clear()
        self._connection.say_goodbye()
        self._leaving = True
        self.flush()

    def abort(self) -> None:
        """Close the connection at once."""
        self._transport.abort()

    def _handle(self, event: Event) -> None:
        if isinstance(event, Received):
            call = self._calls.get(event.stream)
            if call is not None and call.receive(event.data, ended=event.ended):
                self._services.turns.add(call, self)
        elif isinstance(event, Opened):
            request = Request(self._connection, event.stream, event.fields)
            call = self._services.begin(request, self.flush)
            if call is not None:
                self._calls[event.stream] = call
        elif isinstance(event, Reset):
            call = self._calls.pop(event.stream, None)
            if call is not None:
                call.close()
        else:
            level = logging.WARNING if event.code else logging.DEBUG
            logger.log(level, "a connection is closed: %s, %s", event.code.name, event.reason)
            self._close_calls()
            self._leaving = True
            self._abort_soon()

    def flush(self) -> None:
        """Send what can be sent, and resume calls whose replies have been sent."""
        outbox = self._connection.outbox
        if self._parting:
            return
        while not (self._full or self._transport.is_closing()) and (data := outbox.take()):
            self._transport.write(data)
            while outbox.freed:  # finished calls are not in it
                self._services.turns.add(self._calls[outbox.freed.pop()], self)
                self._services.turns.schedule()
        if self._leaving and not (len(outbox) or self._transport.is_closing()):
            self._half_close()

    def _half_close(self) -> None:
        """Close the write side when the kernel has all written data."""
        # With a limit of 0, "full" means that asyncio has unwritten bytes. With some, write_eof
        # would run in a callback of asyncio's, where its error cannot be caught.
        self._transport.set_write_buffer_limits(0)
        if self._full:
            return
        self._parting = True
        # Only the write side: TCP resets a connection that is closed with unread input, and the
        # client would lose the bytes that it has not read.
        with suppress(OSError):  # the client has reset the connection; asyncio will notice it
            self._transport.write_eof()
        self._abort_soon()

    def _abort_soon(self) -> None:
        """Give the client a limited time to read the rest and to disconnect."""
        self._timer.cancel()
        self._timer = self._loop.call_later(LINGER, self._transport.abort)

    def served(self, call: Call) -> None:
        """A call has had a turn. See :class:`~translator.transport.h2.turns.Owner`."""
        if call.over:
            self._calls.pop(call.stream, None)
        if self._connection.outbox.size > _FLUSH_SIZE:
            self.flush()

    def _close_calls(self) -> None:
        calls, self._calls = self._calls, {}
        for call in calls.values():
            call.close()

    def _greeted(self) -> None:
        if not self._connection.greeted:
            self._fail(ErrorCode.SETTINGS_TIMEOUT, "no HTTP/2 preface and SETTINGS in time")
            return
        self._timer = self._loop.call_later(PERIOD, self._tick)

    def _tick(self) -> None:
        self._connection.new_period()
        self._silent += PERIOD
        if self._silent > self._limits.idle and not self._connection.streams:
            self._fail(ErrorCode.NO_ERROR, "idle")
            return
        self._timer = self._loop.call_later(PERIOD, self._tick)

    def _fail(self, code: ErrorCode, reason: str) -> None:
        for event in self._connection.fail(ConnectionFault(code, reason)):
            self._handle(event)
        self.flush()
