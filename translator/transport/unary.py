"""A client for one unary gRPC call over its own connection: plain text or TLS, TCP or unix.

gRPC's own client always verifies the server's certificate (in Python this cannot be turned off),
does not report why it cannot connect, and takes long to import. Framing, statuses and header blocks
are those of the server in :mod:`translator.transport.h2`.
"""

import asyncio
import ssl
from collections import deque
from enum import Enum, auto
from urllib.parse import unquote

from translator.transport.h2 import frames, headers
from translator.transport.h2.errors import ConnectionFault
from translator.transport.h2.frame_reader import FrameReader, unpadded
from translator.transport.h2.frames import ACK, END_STREAM, PADDED, Kind
from translator.transport.h2.limits import DEFAULTS
from translator.transport.h2.messages import (
    CONTENT_TYPE,
    CallFault,
    Message,
    MessageReader,
    Status,
    prefix,
)
from translator.transport.h2.states import ConnectionState

_STREAM = 1  # the first stream of a client
_READ = 65_536
_LARGEST_MESSAGE = 16_384  # far below the window, so no WINDOW_UPDATE is needed
_EVERYWHERE = ("0.0.0.0", "[::]")  # noqa: S104 -- compared with, not bound
_CLOSED = (EOFError, ConnectionResetError, BrokenPipeError)


class Failure(Enum):
    """Why a call has no response."""

    UNREACHABLE = auto()  # no connection, or no response in time
    TLS_EXPECTED = auto()  # the server was called in plain text
    TLS_REFUSED = auto()  # the server refuses the client, or has no TLS
    NOT_SERVED = auto()  # the server does not have this method, or is no gRPC server
    STATUS = auto()  # the call ended with an error status


class NoResponseError(Exception):
    """A call has no response. The message says why and follows the server's address.

    Attributes:
        failure: the reason, for a program.
    """

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


def not_served() -> NoResponseError:
    """The error of a call to a method that the server does not have."""
    return NoResponseError(Failure.NOT_SERVED, "the server does not have this gRPC service")


def unverified() -> ssl.SSLContext:
    """A TLS context for HTTP/2 that accepts any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


async def call(
    address: str,
    path: str,
    request: bytes,
    patience: float,
    context: ssl.SSLContext | None = None,
) -> bytes:
    """Call a method and return the message of its response.

    Args:
        address: ``host:port`` or ``unix:/path``, as given to the server; the wildcard addresses
            mean loopback.
        path: the path of the method, ``/package.Service/Method``.
        request: the message.
        patience: seconds for the whole call.
        context: for TLS; it must offer ``h2`` by ALPN.

    Raises:
        NoResponseError: there was no response.
    """
    deadline = asyncio.get_running_loop().time() + patience
    try:
        async with asyncio.timeout_at(deadline):
            reader, writer = await _connect(address, context)
            try:
                writer.write(_request(path, request, "http" if context is None else "https"))
                return await _response(reader, writer)
            finally:
                writer.transport.abort()
    except TimeoutError as error:
        message = f"no response within {patience:g} s"
        raise NoResponseError(Failure.UNREACHABLE, message) from error
    except ssl.SSLError as error:
        reason = (error.reason or "failed").replace("_", " ").lower()
        raise NoResponseError(Failure.TLS_REFUSED, f"TLS: {reason}") from error
    except _CLOSED as error:
        if context is None and await _speaks_tls(address, deadline):
            message = "the server expects TLS, not plain text"
            raise NoResponseError(Failure.TLS_EXPECTED, message) from error
        failure = Failure.NOT_SERVED if context is None else Failure.TLS_REFUSED
        raise NoResponseError(failure, "connection closed without a response") from error
    except (ConnectionRefusedError, FileNotFoundError) as error:
        raise NoResponseError(Failure.UNREACHABLE, "nothing listens there") from error
    except (OSError, UnicodeError) as error:  # UnicodeError: not a valid host name
        why = getattr(error, "strerror", None) or error
        raise NoResponseError(Failure.UNREACHABLE, f"cannot connect: {why}") from error


async def _connect(
    address: str, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.startswith("unix:"):
        path = unquote(address.removeprefix("unix:"))
        name = None if context is None else "localhost"
        return await asyncio.open_unix_connection(path, ssl=context, server_hostname=name)
    host, _, port = address.rpartition(":")
    # gRPC's wildcard accepts IPv4 too, and loopback has IPv4 even without IPv6.
    host = "127.0.0.1" if host in _EVERYWHERE else host.strip("[]")
    return await asyncio.open_connection(host, int(port), ssl=context)


async def _speaks_tls(address: str, deadline: float) -> bool:
    """Whether a server that closes plain text connections accepts TLS."""
    try:
        async with asyncio.timeout_at(deadline):
            _, writer = await _connect(address, unverified())
    except OSError:  # includes TimeoutError and SSLError
        return False
    writer.transport.abort()
    return True


def _request(path: str, message: bytes, scheme: str) -> bytes:
    """All bytes that a client sends for one call."""
    block = headers.write(
        (":method", "POST"),
        (":scheme", scheme),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", CONTENT_TYPE),
        ("te", "trailers"),
    )
    data = prefix(len(message)) + message
    return b"".join(
        (
            frames.PREFACE,
            frames.settings({frames.Setting.ENABLE_PUSH: 0}),
            frames.headers(_STREAM, block),
            frames.head(len(data), Kind.DATA, END_STREAM, _STREAM) + data,
        )
    )


async def _response(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Read to the end of the call and return its only message."""
    response = _ResponseParser()
    try:
        while not response.ended:
            data = await reader.read(_READ)
            if not data:
                raise EOFError
            writer.write(response.feed(data))
    except ConnectionFault as error:
        raise NoResponseError(Failure.NOT_SERVED, "not an HTTP/2 server") from error
    except CallFault as error:
        raise not_served() from error
    return response.message()


class _ResponseParser:
    """Parses the response of the call, without I/O.

    Attributes:
        ended: whether the response is complete.
    """

    def __init__(self) -> None:
        self.ended = False
        self._frames = FrameReader(DEFAULTS)
        self._frames.state = ConnectionState.SETTINGS  # a server sends no preface
        self._headers = headers.HeaderReader(DEFAULTS.header_block)
        self._fields: dict[str, str] = {}  # of headers and trailers
        self._reader = MessageReader(_LARGEST_MESSAGE)
        self._messages: deque[Message] = deque()

    def feed(self, data: bytes) -> bytes:
        """Parse the next bytes; return the bytes to send in reply.

        Raises:
            ConnectionFault: the bytes are not HTTP/2.
            CallFault: a message is too large, or compressed.
        """
        reply = b""
        for kind, flags, stream, payload in self._frames.feed(data):
            match kind:
                case Kind.SETTINGS if not flags & ACK:
                    reply += frames.SETTINGS_ACK
                case Kind.PING if not flags & ACK:
                    reply += frames.ping_ack(payload)
                case Kind.GOAWAY:
                    # A server that shuts down still serves the streams up to this id.
                    self.ended = self.ended or frames.read_long(payload[:4]) < _STREAM
                case Kind.HEADERS if stream == _STREAM:
                    self._fields |= self._headers.pairs(payload)
                    self.ended = self.ended or bool(flags & END_STREAM)
                case Kind.DATA if stream == _STREAM:
                    piece = unpadded(payload) if flags & PADDED else payload
                    self._reader.feed(piece, self._messages)
                    self.ended = self.ended or bool(flags & END_STREAM)
                case Kind.RST_STREAM if stream == _STREAM:
                    self.ended = True
        return reply

    def message(self) -> bytes:
        """The message of the response.

        Raises:
            NoResponseError: the call ended without a message.
        """
        status = self._fields.get("grpc-status", "")
        if status == str(int(Status.OK)) and len(self._messages) == 1:
            return bytes(self._messages[0])
        if status in _NOT_THERE or not status.isdecimal() or status == str(int(Status.OK)):
            raise not_served()
        said = unquote(self._fields.get("grpc-message", ""))
        message = f"gRPC status {status} {said}".rstrip()
        raise NoResponseError(Failure.STATUS, message)


_NOT_THERE = {str(int(status)) for status in (Status.NOT_FOUND, Status.UNIMPLEMENTED)}
