"""Flow control of received data (RFC 9113, section 5.2).

A window is extended only when received data has been consumed, so that a client whose data is not
consumed costs no more memory than the windows.
"""

from translator.transport.h2 import frames
from translator.transport.h2.errors import ConnectionFault, ErrorCode, StreamFault
from translator.transport.h2.limits import Limits
from translator.transport.h2.outbox import Outbox


class _Flow:
    """The received data of one stream."""

    __slots__ = ("ended", "held", "taken", "window")

    def __init__(self, window: int) -> None:
        self.window = window  # bytes that the client may send
        self.held = 0  # received bytes that are not consumed yet
        self.taken = 0  # consumed bytes without a WINDOW_UPDATE yet
        self.ended = False  # no more will come


class Inbox:
    """The received data of one connection.

    Args:
        limits: the limits of the connection.
        outbox: gets the WINDOW_UPDATE frames.

    Attributes:
        incomplete: bytes of incomplete messages, which are consumed but held. Calls count them.
    """

    def __init__(self, limits: Limits, outbox: Outbox) -> None:
        self._limits = limits
        self._outbox = outbox
        self._flows: dict[int, _Flow] = {}
        self._window = limits.connection_window  # as of a stream
        self._taken = 0  # likewise
        self.incomplete = 0
        more = limits.connection_window - frames.DEFAULT_WINDOW
        outbox.add(frames.window_update(0, more))

    def open(self, stream: int) -> None:
        """Add a stream."""
        self._flows[stream] = _Flow(self._limits.window)

    def end(self, stream: int) -> None:
        """A stream has received END_STREAM."""
        self._flows[stream].ended = True

    def forget(self, stream: int) -> None:
        """A stream is closed; its data will not be consumed."""
        flow = self._flows.pop(stream, None)
        if flow is not None:
            self._give_back(flow.held)

    def clear(self) -> None:
        """All streams are closed, and no more data is accepted."""
        self._flows.clear()

    def receive(self, stream: int, size: int) -> None:
        """Count received bytes, with padding; those of a closed stream are not held.

        Raises:
            ConnectionFault: they exceed the window of the connection.
            StreamFault: they exceed the window of the stream.
        """
        self._window -= size
        if self._window < 0:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window exceeded")
        flow = self._flows.get(stream)
        if flow is None:
            self._give_back(size)
            return
        flow.held += size
        flow.window -= size
        if flow.window < 0:
            raise StreamFault(stream, ErrorCode.FLOW_CONTROL_ERROR, "window exceeded")

    def taken(self, stream: int, size: int) -> None:
        """Count consumed bytes, which the client may send again."""
        flow = self._flows.get(stream)
        if flow is None:
            return
        flow.held -= size
        self._give_back(size)
        if flow.ended:
            return
        flow.taken += size
        if flow.taken * 2 >= self._limits.window:
            self._outbox.add(frames.window_update(stream, flow.taken))
            flow.window += flow.taken
            flow.taken = 0

    def expect(self, stream: int, size: int) -> None:
        """Extend the window to ``size`` bytes, the rest of a message.

        Without this, a large message would need a round trip for each window.
        """
        flow = self._flows.get(stream)
        if flow is None or flow.ended or size <= flow.window:
            return
        more = size - flow.window
        self._outbox.add(frames.window_update(stream, more))
        flow.window += more
        flow.taken -= more  # the window is as before when the message has been consumed

    def _give_back(self, size: int) -> None:
        self._taken += size
        if self._taken * 2 >= self._limits.connection_window:
            self._outbox.add(frames.window_update(0, self._taken))
            self._window += self._taken
            self._taken = 0
