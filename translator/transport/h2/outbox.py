"""Data to send, in frames, within the client's windows (RFC 9113, section 5.2).

Data that exceeds the windows, or the maximum size of one write, waits in its stream, unframed and
uncopied. So a client that does not read costs no more memory than its replies.
"""

from collections import deque

from translator.transport.h2 import frames
from translator.transport.h2.errors import ConnectionFault, ErrorCode, StreamFault
from translator.transport.h2.frames import DEFAULT_WINDOW, LARGEST_WINDOW, SMALLEST_MAX_FRAME, Kind

_ROOM = 256 * 1024  # bytes per call of take


class _Flow:
    """The unsent data of one stream."""

    __slots__ = ("last", "pending", "window")

    def __init__(self, window: int) -> None:
        self.window = (
            window  # the client's window; negative after it lowered SETTINGS_INITIAL_WINDOW_SIZE
        )
        self.pending: deque[memoryview] = deque()
        self.last = b""  # the frames after all data


class Outbox:
    """The frames of one connection to send.

    Args:
        greeting: the first frames.

    Attributes:
        max_frame: the longest payload that the client accepts.
        size: bytes that :meth:`take` would return.
        freed: streams whose waiting data has all been framed. Its reader empties it.
    """

    def __init__(self, greeting: bytes) -> None:
        self.max_frame = SMALLEST_MAX_FRAME
        self.freed: list[int] = []
        self._out: list[bytes | memoryview] = [greeting]
        self.size = 0
        self._window = DEFAULT_WINDOW
        self._initial_window = DEFAULT_WINDOW
        self._flows: dict[int, _Flow] = {}
        self._ready: dict[int, _Flow] = {}  # streams with data and an open window

    def __len__(self) -> int:
        return len(self._flows)

    def open(self, stream: int) -> None:
        """Add a stream."""
        self._flows[stream] = _Flow(self._initial_window)

    def forget(self, stream: int) -> bool:
        """Drop a stream and its unsent data. Returns False if there was none."""
        self._ready.pop(stream, None)
        return self._flows.pop(stream, None) is not None

    def clear(self) -> None:
        """Drop all streams; frames that are ready are still sent."""
        self._flows.clear()
        self._ready.clear()

    def is_blocked(self, stream: int) -> bool:
        """Whether a stream has unsent data, so that it should not get more yet."""
        flow = self._flows.get(stream)
        return flow is not None and bool(flow.pending)

    def add(self, frame: bytes) -> None:
        """Send a frame without flow control."""
        self._out.append(frame)

    def data(self, stream: int, data: bytes) -> None:
        """Send data of an open stream."""
        flow = self._flows[stream]
        size = len(data)
        if (
            flow.pending
            or size > flow.window
            or size > self._window
            or size > self.max_frame
            or self.size > _ROOM
        ):
            if data:
                flow.pending.append(memoryview(data))
                self._wait(stream, flow)
            return
        flow.window -= size
        self._window -= size
        self.size += size
        self._out += (frames.head(size, Kind.DATA, 0, stream), data)

    def finish(self, stream: int, last: bytes) -> None:
        """Send the last frames of a stream after all its data."""
        flow = self._flows[stream]
        if flow.pending:
            flow.last = last
        else:
            self._out.append(last)
            del self._flows[stream]

    def take(self) -> bytes:
        """The bytes to send now, up to a maximum; empty if there are none."""
        while self._ready and self._window > 0 and self.size <= _ROOM:
            # Round robin, so that a large response does not delay others.
            stream = next(iter(self._ready))
            self._frame(stream, self._ready.pop(stream))
        out = b"".join(self._out)
        self._out.clear()
        self.size = 0
        return out

    def widen(self, increment: int) -> None:
        """Enlarge the window of the connection.

        Raises:
            ConnectionFault: the increment is 0, or the window would be too large.
        """
        self._window += increment
        if not increment:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0")
        if self._window > LARGEST_WINDOW:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window too large")

    def widen_stream(self, stream: int, increment: int) -> bool:
        """Enlarge the window of a stream. Returns False if it has nothing to send.

        Raises:
            StreamFault: as :meth:`widen`.
        """
        flow = self._flows.get(stream)
        if flow is None:
            return False
        flow.window += increment
        if not increment:
            raise StreamFault(stream, ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0")
        if flow.window > LARGEST_WINDOW:
            raise StreamFault(stream, ErrorCode.FLOW_CONTROL_ERROR, "window too large")
        self._wait(stream, flow)
        return True

    def set_initial_window(self, size: int) -> None:
        """Set the initial window of streams; open ones change by the difference.

        Raises:
            ConnectionFault: a window would be too large.
        """
        difference = size - self._initial_window
        self._initial_window = size
        for stream, flow in self._flows.items():
            flow.window += difference
            if flow.window > LARGEST_WINDOW:
                raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window too large")
            self._ready.pop(stream, None)
            self._wait(stream, flow)

    def _wait(self, stream: int, flow: _Flow) -> None:
        if flow.pending and flow.window > 0:
            self._ready.setdefault(stream, flow)

    def _frame(self, stream: int, flow: _Flow) -> None:
        """Frame the next piece of a stream's data."""
        data = flow.pending[0]
        size = min(len(data), flow.window, self._window, self.max_frame)
        flow.window -= size
        self._window -= size
        self.size += size
        self._out += (frames.head(size, Kind.DATA, 0, stream), data[:size])
        if size < len(data):
            flow.pending[0] = data[size:]
        else:
            flow.pending.popleft()
        if flow.pending:
            self._wait(stream, flow)
        elif flow.last:
            self._out.append(flow.last)
            del self._flows[stream]
        else:
            self.freed.append(stream)
