"""Asks a gRPC server over one short connection whether it serves (``grpc.health.v1``).

Not with gRPC's own client, which in Python verifies the server's certificate in any case, by a name
that is not the loopback address's (a SPIFFE certificate has none at all). A process that is asked
by its own container needs no proof of who it is, and must not be given up for a certificate that
only others can judge. HTTP/2 for one call and one answer is a few frames (RFC 9113), and the
headers of the call need no compression (RFC 7541, literals).
"""

import asyncio
import ssl
from urllib.parse import unquote

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM = _ACK = 1
_END_HEADERS = 4
_CALL = 1  # the first stream of a client
_FRAME_HEAD = 9
_MESSAGE_HEAD = 5  # gRPC's: one byte for compression, four for the length
_LARGEST_FRAME = 16384  # what a peer may send to one who has said nothing else
_EVERYWHERE = ("0.0.0.0", "[::]")  # noqa: S104 -- compared with, not bound

_Status = health_pb2.HealthCheckResponse.ServingStatus


class NoHealthError(Exception):
    """The server has not said how it is. The message is what happened, after its address."""


async def status(
    address: str, service: str, patience: float, context: ssl.SSLContext | None = None
) -> str:
    """What a server says of one of its services: ``SERVING``, ``NOT_SERVING`` and so on.

    Args:
        address: ``host:port`` or ``unix:/path``, as a server listens; where that is every
            interface, loopback is asked.
        service: its full name.
        patience: seconds for all of it.
        context: for TLS; it must offer ``h2`` by ALPN.

    Raises:
        NoHealthError: there was no answer, or not one to this question.
    """
    try:
        async with asyncio.timeout(patience):
            reader, writer = await _connect(address, context)
            try:
                writer.write(_call(service, "http" if context is None else "https"))
                answer = await _answer(reader, writer)
            finally:
                writer.transport.abort()
    except TimeoutError as error:
        raise NoHealthError(f"did not answer in {patience:g} s") from error
    except ssl.SSLError as error:
        reason = (error.reason or "failed").replace("_", " ").lower()
        raise NoHealthError(f"TLS: {reason}") from error
    except (EOFError, ConnectionResetError, BrokenPipeError) as error:
        raise NoHealthError("closed the connection without an answer") from error
    except (ConnectionRefusedError, FileNotFoundError) as error:
        raise NoHealthError("nothing listens there") from error
    except OSError as error:
        raise NoHealthError(f"cannot be reached: {error.strerror or error}") from error
    return _read(answer)


async def _connect(
    address: str, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.startswith("unix:"):
        path = unquote(address.removeprefix("unix:"))
        name = None if context is None else "localhost"
        return await asyncio.open_unix_connection(path, ssl=context, server_hostname=name)
    host, _, port = address.rpartition(":")
    # gRPC's wildcard takes IPv4 too, and loopback has that where there is no IPv6.
    host = "127.0.0.1" if host in _EVERYWHERE else host.strip("[]")
    return await asyncio.open_connection(host, int(port), ssl=context)


def _call(service: str, scheme: str) -> bytes:
    """All that a client sends for one call of ``Check``."""
    message = health_pb2.HealthCheckRequest(service=service).SerializeToString()
    headers = b"".join(
        (
            b"\x83",  # the static table's :method POST
            b"\x87" if scheme == "https" else b"\x86",  # its :scheme
            b"\x04" + _text("/grpc.health.v1.Health/Check"),  # its :path, with another value
            b"\x01" + _text("localhost"),  # :authority
            b"\x0f\x10" + _text("application/grpc"),  # content-type
            b"\x00" + _text("te") + _text("trailers"),
        )
    )
    return b"".join(
        (
            _PREFACE,
            _frame(_SETTINGS, 0, 0),
            _frame(_HEADERS, _END_HEADERS, _CALL, headers),
            _frame(_DATA, _END_STREAM, _CALL, b"\0" + len(message).to_bytes(4) + message),
        )
    )


def _text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()  # below 127 the length is one byte


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The data of the call's stream, to its end."""
    data = b""
    while True:
        head = await reader.readexactly(_FRAME_HEAD)
        size, kind, flags = int.from_bytes(head[:3]), head[3], head[4]
        if size > _LARGEST_FRAME:
            raise NoHealthError("does not speak HTTP/2")
        payload = await reader.readexactly(size)
        if kind == _SETTINGS and not flags & _ACK:
            writer.write(_frame(_SETTINGS, _ACK, 0))
        if kind == _DATA:
            data += payload
        ends = kind in (_DATA, _HEADERS) and flags & _END_STREAM
        if ends or kind in (_RESET, _GOAWAY):
            return data


def _read(answer: bytes) -> str:
    """The status in an answer. Raises NoHealthError."""
    if not answer:  # an error of gRPC's comes in the trailers, without a message
        raise NoHealthError("is a server of something else")
    try:
        found = health_pb2.HealthCheckResponse.FromString(answer[_MESSAGE_HEAD:])
        return str(_Status.Name(found.status))
    except (DecodeError, ValueError) as error:
        raise NoHealthError("is a server of something else") from error
