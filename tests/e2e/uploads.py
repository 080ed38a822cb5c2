"""Requests whose bodies arrive as a test sends them, over HTTP/1.1 and HTTP/2."""

import socket
from typing import Protocol, Self

from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.settings import SettingCodes

PATH = "/v1/chat/completions"
TIMEOUT = 30  # seconds without a byte after which a test fails


class Upload(Protocol):
    """A request of ``size`` bytes to a port of loopback; its headers are sent at once."""

    def __init__(self, port: int, size: int) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def send(self, data: bytes) -> bool:
        """Send more of the body. Returns False if Envoy has ended the request."""

    def end(self) -> bytes:
        """Wait for the end, and return what was received: b"" if it was reset."""


class _Upload:
    def __init__(self, port: int) -> None:
        self._wire = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.close()


class Http1Upload(_Upload):
    """See :class:`Upload`."""

    def __init__(self, port: int, size: int) -> None:
        super().__init__(port)
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        self._wire.sendall(f"{head}content-length: {size}\r\n\r\n".encode())

    def send(self, data: bytes) -> bool:
        """See :class:`Upload`."""
        try:
            self._wire.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def end(self) -> bytes:
        """See :class:`Upload`."""
        received = b""
        try:
            while data := self._wire.recv(65536):
                received += data
                if received.endswith((b"}", b"\r\n0\r\n\r\n")):
                    break
        except ConnectionResetError:
            pass
        return received


class Http2Upload(_Upload):
    """See :class:`Upload`.

    Attributes:
        most_streams: the limit of streams that Envoy has set.
    """

    def __init__(self, port: int, size: int) -> None:
        super().__init__(port)
        self.most_streams: int | None = None
        self._left = size
        self._ended = False
        self._received = b""
        self._connection = H2Connection()
        self._connection.initiate_connection()
        head = [(":method", "POST"), (":path", PATH), (":authority", "x"), (":scheme", "http")]
        fields = [("content-type", "application/json"), ("content-length", str(size))]
        self._connection.send_headers(1, [*head, *fields])
        self._wire.sendall(self._connection.data_to_send())

    def send(self, data: bytes) -> bool:
        """See :class:`Upload`."""
        left = memoryview(data)
        while left and not self._ended:
            connection = self._connection
            room = min(connection.local_flow_control_window(1), connection.max_outbound_frame_size)
            if room:
                self._left -= len(left[:room])
                connection.send_data(1, bytes(left[:room]), end_stream=not self._left)
                left = left[room:]
                self._wire.sendall(connection.data_to_send())
            else:
                self._read()
        return not self._ended

    def end(self) -> bytes:
        """See :class:`Upload`."""
        while not self._ended:
            self._read()
        return self._received

    def _read(self) -> None:
        for event in self._connection.receive_data(self._wire.recv(65536)):
            if isinstance(event, RemoteSettingsChanged):
                changed = event.changed_settings.get(SettingCodes.MAX_CONCURRENT_STREAMS)
                self.most_streams = changed.new_value if changed else self.most_streams
            elif isinstance(event, ResponseReceived):
                self._received += dict(event.headers)[b":status"] + b"\r\n\r\n"
            elif isinstance(event, DataReceived):
                self._received += event.data
            self._ended |= isinstance(event, StreamEnded | StreamReset)
        self._wire.sendall(self._connection.data_to_send())
