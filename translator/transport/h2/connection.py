"""The server side of one HTTP/2 connection, without I/O: bytes in, events out, and bytes to send.

Any split of the input gives the same events, and the same output except for the sizes of DATA
frames. Source: RFC 9113; comments name its sections.
"""

from collections.abc import Callable

from translator.transport.h2 import frames
from translator.transport.h2.errors import ConnectionFault, ErrorCode, StreamFault
from translator.transport.h2.events import Event, Lost, Opened, Received, Reset
from translator.transport.h2.frame_reader import FrameReader, unpadded
from translator.transport.h2.frames import (
    ACK,
    END_STREAM,
    PADDED,
    SMALLEST_MAX_FRAME,
    Kind,
    Setting,
)
from translator.transport.h2.headers import HeaderReader, MalformedError
from translator.transport.h2.inbox import Inbox
from translator.transport.h2.limits import DEFAULTS, Limits
from translator.transport.h2.outbox import Outbox
from translator.transport.h2.patience import Patience
from translator.transport.h2.states import STREAM, ConnectionState, Input, StreamState

_Handler = Callable[[int, int, bytes], None]  # of a frame's flags, stream and payload

# Frames without use that a client may send before it knows that its stream is closed: the end of
# its request, and a reset.
_IN_FLIGHT = 2


class _Stream:
    """The state of a stream that is not closed."""

    __slots__ = ("answered", "state")

    def __init__(self) -> None:
        self.state = StreamState.OPEN
        self.answered = False


class Connection:
    """The state of a connection.

    Args:
        limits: the limits of the connection.

    Attributes:
        limits: the limits of the connection.
        last: the highest id of a stream that was opened.
        inbox: the received data.
        outbox: the data to send.
    """

    def __init__(self, limits: Limits = DEFAULTS) -> None:
        self.last = 0
        self.limits = limits
        self._frames = FrameReader(limits)
        self._headers = HeaderReader(limits.header_block)
        self._patience = Patience(limits)
        self._streams: dict[int, _Stream] = {}
        self._goodbye: int | None = None  # the last stream id of the GOAWAY that was sent
        self._events: list[Event] = []
        self.outbox = Outbox(
            frames.settings(
                {
                    Setting.HEADER_TABLE_SIZE: 0,
                    Setting.MAX_CONCURRENT_STREAMS: limits.streams,
                    Setting.INITIAL_WINDOW_SIZE: limits.window,
                    Setting.MAX_HEADER_LIST_SIZE: limits.header_block,
                }
            )
        )
        self.inbox = Inbox(limits, self.outbox)
        self._handlers: dict[int, _Handler] = {
            Kind.DATA: self._on_data,
            Kind.HEADERS: self._on_headers,
            Kind.RST_STREAM: self._on_rst_stream,
            Kind.SETTINGS: self._on_settings,
            Kind.PING: self._on_ping,
            Kind.WINDOW_UPDATE: self._on_window_update,
        }

    @property
    def greeted(self) -> bool:
        """Whether the client has sent its preface and SETTINGS."""
        return self._frames.state not in (ConnectionState.PREFACE, ConnectionState.SETTINGS)

    @property
    def streams(self) -> int:
        """The number of streams that are not closed."""
        return len(self._streams)

    def receive(self, data: bytes) -> list[Event]:
        """Process the next bytes from the client."""
        if self._frames.state is ConnectionState.CLOSED:
            return []
        events = self._events
        try:
            for kind, flags, stream, payload in self._frames.feed(data):
                try:
                    self._handlers.get(kind, self._on_other)(flags, stream, payload)
                except StreamFault as fault:
                    self._refuse(fault)
        except ConnectionFault as fault:
            events += self.fail(fault)
        self._events = []
        return events

    def fail(self, fault: ConnectionFault) -> list[Event]:
        """End the connection with GOAWAY, unless it has ended. Further input is ignored."""
        if self._frames.state is ConnectionState.CLOSED:
            return []
        self._frames.state = ConnectionState.CLOSED
        self._streams.clear()
        self.inbox.clear()
        self.outbox.clear()
        last = self.last if self._goodbye is None else self._goodbye  # must not increase
        self.outbox.add(frames.goaway(last, fault.code, str(fault)))
        return [Lost(fault.code, str(fault))]

    def new_period(self) -> None:
        """Reset the counts of useless frames and wasted streams."""
        self._patience.renew()

    # Sending. Frames for a closed stream are dropped.

    def send_headers(self, stream: int, block: bytes) -> None:
        """Begin a response with a header block that fits into one frame."""
        if stream in self._streams:
            self._streams[stream].answered = True
            self.outbox.add(frames.headers(stream, block))

    def send_data(self, stream: int, data: bytes) -> None:
        """Send a part of a response when the client's windows allow it."""
        if stream in self._streams:
            self._patience.sent(len(data) // SMALLEST_MAX_FRAME + 1)
            self.outbox.data(stream, data)

    def finish(self, stream: int, block: bytes) -> None:
        """End a response with a header block, after all its data."""
        known = self._drop(stream)
        if known is not None:
            last = frames.headers(stream, block, end=True)
            if known.state is StreamState.OPEN:  # the rest of its request is not needed
                self._patience.excuse(_IN_FLIGHT)
                last += frames.rst_stream(stream, ErrorCode.NO_ERROR)
            self.outbox.finish(stream, last)

    def say_goodbye(self) -> None:
        """Send GOAWAY without an error: open streams continue, new ones are refused."""
        if self._goodbye is None and self._frames.state is not ConnectionState.CLOSED:
            self._goodbye = self.last
            self.outbox.add(frames.goaway(self.last, ErrorCode.NO_ERROR))

    # Receiving.

    def _on_data(self, flags: int, stream: int, payload: bytes) -> None:
        size = len(payload)
        self.inbox.receive(stream, size)
        known = self._streams.get(stream)
        if known is None:
            self._check_not_idle(stream)
            if not size:
                self._patience.useless()
            return
        self._advance(stream, known, Input.DATA)
        if flags & PADDED:
            payload = unpadded(payload)
            self.inbox.taken(stream, size - len(payload))
        ended = bool(flags & END_STREAM)
        if payload or ended:
            self._events.append(Received(stream, payload, ended))
            self._patience.useful()
        else:
            self._patience.useless()
        if ended:
            self._advance(stream, known, Input.END)

    def _on_headers(self, flags: int, stream: int, block: bytes) -> None:
        if stream % 2 == 0:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "not a client's stream")
        ended = bool(flags & END_STREAM)
        if stream > self.last:
            self._open(stream, block, ended=ended)
        else:
            self._trailers(stream, block, ended=ended)

    def _open(self, stream: int, block: bytes, *, ended: bool) -> None:
        self.last = stream
        try:
            fields = self._headers.read(block)
        except MalformedError:
            raise StreamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed request") from None
        if self._goodbye is not None:
            raise StreamFault(stream, ErrorCode.REFUSED_STREAM, "connection is closing")
        if max(len(self._streams), len(self.outbox)) >= self.limits.streams:
            raise StreamFault(stream, ErrorCode.REFUSED_STREAM, "too many streams")
        self._streams[stream] = known = _Stream()
        self.inbox.open(stream)
        self.outbox.open(stream)
        self._events.append(Opened(stream, fields))
        self._patience.useful()
        if ended:
            self._events.append(Received(stream, b"", ended=True))
            self._advance(stream, known, Input.END)

    def _trailers(self, stream: int, block: bytes, *, ended: bool) -> None:
        try:
            self._headers.skip(block)
        except MalformedError:
            ended = False
        known = self._streams.get(stream)
        if known is None:
            if not ended:  # a request, whose stream id is not higher than the last (section 5.1.1)
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "not a new stream")
            self._patience.useless()
            return
        self._advance(stream, known, Input.TRAILERS)
        if not ended:
            raise StreamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed trailers")
        self._events.append(Received(stream, b"", ended=True))
        self._advance(stream, known, Input.END)

    def _on_rst_stream(self, _flags: int, stream: int, _payload: bytes) -> None:
        known = self._drop(stream)
        waited = self.outbox.forget(stream)
        if known is None:
            self._check_not_idle(stream)
            if not waited:
                self._patience.useless()
            return
        if not known.answered:
            self._patience.wasted()
        self._events.append(Reset(stream))

    def _on_settings(self, flags: int, _stream: int, payload: bytes) -> None:
        self._patience.useless()
        if flags & ACK:
            self._headers.settings_acknowledged()
            return
        self._patience.settings()
        for setting, value in frames.read_settings(payload).items():
            if setting == Setting.INITIAL_WINDOW_SIZE:
                self.outbox.set_initial_window(value)
            elif setting == Setting.MAX_FRAME_SIZE:
                self.outbox.max_frame = value
        self.outbox.add(frames.SETTINGS_ACK)

    def _on_ping(self, flags: int, _stream: int, payload: bytes) -> None:
        self._patience.useless()
        if not flags & ACK:
            self.outbox.add(frames.ping_ack(payload))

    def _on_window_update(self, _flags: int, stream: int, payload: bytes) -> None:
        self._patience.update()
        increment = frames.read_long(payload)
        if not stream:
            self.outbox.widen(increment)
        elif not self.outbox.widen_stream(stream, increment):
            self._check_not_idle(stream)

    def _on_other(self, _flags: int, _stream: int, _payload: bytes) -> None:
        # PRIORITY is deprecated. After GOAWAY the client closes the connection itself.
        self._patience.useless()

    # Shared by several kinds of frames.

    def _advance(self, stream: int, known: _Stream, what: Input) -> None:
        state = STREAM.get((known.state, what))
        if state is None:
            raise StreamFault(stream, ErrorCode.STREAM_CLOSED, "more after the end")
        known.state = state
        if what is Input.END:
            self.inbox.end(stream)

    def _drop(self, stream: int) -> _Stream | None:
        """Remove the state of a stream and return it; None if there is none."""
        self.inbox.forget(stream)
        return self._streams.pop(stream, None)

    def _check_not_idle(self, stream: int) -> None:
        """Check a frame on a stream that is not open.

        On a closed stream it is ignored, because the client may not know yet that it is closed
        (section 5.1). On an idle stream it is a connection error.
        """
        if stream > self.last or stream % 2 == 0:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "frame on an idle stream")

    def _refuse(self, fault: StreamFault) -> None:
        self._patience.wasted()
        self._patience.excuse(_IN_FLIGHT)
        if self._drop(fault.stream) is not None:
            self._events.append(Reset(fault.stream))
        self.outbox.forget(fault.stream)
        self.outbox.add(frames.rst_stream(fault.stream, fault.code))
