"""A client of the h2 library's, on a socket that is read only when the test wants it."""

import asyncio
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes

from tests.unit.transport.h2.wire import Frame, frames_of
from tests.unit.transport.running import SOON
from translator.transport.service import SERVICE

PROCESS = f"/{SERVICE}/Process"
CHECK, LIST, WATCH = (f"/grpc.health.v1.Health/{name}" for name in ("Check", "List", "Watch"))
NOTHING = bytes(5)
"""A message without fields, with its prefix."""


def message(content: bytes, flag: int = 0) -> bytes:
    """A message with its prefix."""
    return bytes([flag]) + len(content).to_bytes(4) + content


@dataclass
class Answer:
    """What has come on one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)
    trailers: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    reset: int | None = None

    @property
    def messages(self) -> list[bytes]:
        """The messages that are whole."""
        found, at = [], 0
        while at + 5 <= len(self.data):
            end = at + 5 + int.from_bytes(self.data[at + 1 : at + 5])
            if end > len(self.data):
                break
            assert self.data[at] == 0
            found.append(bytes(self.data[at + 5 : end]))
            at = end
        return found

    @property
    def status(self) -> tuple[int, str]:
        """How the call ended: gRPC's number, and the message as it was sent."""
        assert self.ended
        last = self.trailers or self.headers
        return int(last["grpc-status"]), last.get("grpc-message", "")


class Client:
    """One connection.

    Attributes:
        http: the library's.
        sock: under it.
        answers: by stream.
        goodbye: the server's GOAWAY.
        closed: whether the server has ended the connection.
        generous: whether bytes that have been read may be sent again.
    """

    def __init__(self, sock: socket.socket, window: int) -> None:
        self.sock = sock
        self.http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.http.local_settings[SettingCodes.INITIAL_WINDOW_SIZE] = window
        self.http.local_settings.acknowledge()
        self.answers: dict[int, Answer] = defaultdict(Answer)
        self.goodbye: ConnectionTerminated | None = None
        self.closed = False
        self.generous = True
        self._raw = bytearray()

    @property
    def frames(self) -> list[Frame]:
        """All that has come, which ends with a whole frame."""
        return frames_of(bytes(self._raw))

    async def open(self, path: str, fields: Mapping[str, str] = {}, *, end: bool = False) -> int:
        """Begin a call, with these headers instead of the usual, or besides them."""
        stream = self.http.get_next_available_stream_id()
        head = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": "translator",
            "te": "trailers",
            "content-type": "application/grpc",
            **fields,
        }
        self.http.send_headers(stream, list(head.items()), end_stream=end)
        await self.flush()
        return stream

    async def send(
        self, stream: int, data: bytes, *, end: bool = False, piece: int = 2**20
    ) -> None:
        """Send data, as the server's windows let it, in frames of so many bytes at most."""
        at = 0
        while at < len(data):
            window = self.http.local_flow_control_window(stream)
            size = min(window, self.http.max_outbound_frame_size, piece)
            if not size:
                await self.read()
                continue
            self.http.send_data(stream, data[at : at + size])
            at += size
            await self.flush()
        if end:
            self.http.end_stream(stream)
            await self.flush()

    async def call(
        self, path: str, data: bytes = NOTHING, fields: Mapping[str, str] = {}
    ) -> Answer:
        """A whole call."""
        stream = await self.open(path, fields)
        await self.send(stream, data, end=True)
        return await self.ended(stream)

    async def reset(self, stream: int) -> None:
        """Take a call back."""
        self.http.reset_stream(stream, 8)
        await self.flush()

    async def flush(self) -> None:
        """Send what the library wants to be sent."""
        await asyncio.get_running_loop().sock_sendall(self.sock, self.http.data_to_send())

    async def say(self, data: bytes) -> None:
        """Send bytes that the library knows nothing of."""
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def read(self) -> None:
        """Read what is there, or comes next."""
        try:
            async with asyncio.timeout(SOON):
                data = await asyncio.get_running_loop().sock_recv(self.sock, 2**20)
        except ConnectionError:
            data = b""
        assert not self.closed, "there is no more"
        self.closed = not data
        self._raw += data
        for event in self.http.receive_data(data) if data else ():
            self._take(event)
        if self.closed:
            self.sock.close()
            return
        with suppress(ConnectionError):  # what has come before the end is still to be read
            await self.flush()

    async def until(self, condition: Callable[[], object]) -> None:
        """Read until something is so."""
        while not condition():
            await self.read()

    async def ended(self, stream: int) -> Answer:
        """Read until a call is over; give its response."""
        answer = self.answers[stream]
        await self.until(lambda: answer.ended or answer.reset is not None)
        return answer

    async def reply(self, stream: int, number: int = 1) -> list[bytes]:
        """Read until a call has had so many messages; give all."""
        answer = self.answers[stream]
        await self.until(lambda: len(answer.messages) >= number)
        return answer.messages

    async def gone(self) -> tuple[int, int, bytes]:
        """Read to the end. The last frame is GOAWAY: its stream, its code, its reason."""
        await self.until(lambda: self.closed)
        last = self.frames[-1]
        assert last.kind == 7
        return int.from_bytes(last.payload[:4]), int.from_bytes(last.payload[4:8]), last.payload[8:]

    def _take(self, event: Event) -> None:
        match event:
            case ResponseReceived(stream_id=int(stream), headers=list(headers)):
                self.answers[stream].headers = {str(k): str(v) for k, v in headers}
            case TrailersReceived(stream_id=int(stream), headers=list(headers)):
                self.answers[stream].trailers = {str(k): str(v) for k, v in headers}
            case DataReceived(stream_id=int(stream), data=bytes(data)):
                self.answers[stream].data += data
                if self.generous:
                    self.http.acknowledge_received_data(len(data), stream)
            case StreamEnded(stream_id=int(stream)):
                self.answers[stream].ended = True
            case StreamReset(stream_id=int(stream), error_code=code):
                self.answers[stream].reset = int(code or 0)
            case ConnectionTerminated():
                self.goodbye = event


@asynccontextmanager
async def raw(address: str, buffer: int = 0) -> AsyncIterator[socket.socket]:
    """A socket that is connected, with a receive buffer of so many bytes."""
    unix = address.startswith("unix:")
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as sock:
        sock.settimeout(0)
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        if not unix:  # or the kernel holds a second write back for 40 ms
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host, _, port = address.rpartition(":")
        where = address.removeprefix("unix:") if unix else (host, int(port))
        await asyncio.get_running_loop().sock_connect(sock, where)
        yield sock


@asynccontextmanager
async def connected(
    address: str, *, window: int = 65_535, everything: int = 2**31 - 1, buffer: int = 0
) -> AsyncIterator[Client]:
    """A client that has greeted.

    Args:
        address: of the server.
        window: bytes that it takes of each stream.
        everything: and of all of them.
        buffer: the socket's.
    """
    async with raw(address, buffer) as sock:
        client = Client(sock, window)
        client.http.initiate_connection()
        if everything > 65_535:
            client.http.increment_flow_control_window(everything - 65_535)
        await client.flush()
        yield client
