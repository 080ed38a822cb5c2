"""HTTP/1.1 as the parts of a mesh speak it with each other: a server, and what it asks others.

Bodies are handed on chunk by chunk, a broken one breaks the next, and who hangs up ends all of it.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, Self

Fields = list[tuple[str, str]]
"""Header fields in their order, with names in lower case."""


class Request(NamedTuple):
    """A request with its whole body."""

    method: str
    path: str
    fields: Fields
    body: bytes

    def first(self, name: str) -> str:
        """The first value of a header, or ""."""
        return next((value for field, value in self.fields if field == name), "")

    def last(self, name: str) -> str:
        """The last value of a header, or ""."""
        return next((value for field, value in reversed(self.fields) if field == name), "")


class Answer(NamedTuple):
    """An answer whose body is still to come.

    Attributes:
        status: the code and its phrase.
        fields: all but those that say how long the body is.
        length: of the body in bytes; None for chunks.
        body: its pieces as they come.
    """

    status: str
    fields: Fields
    length: int | None
    body: AsyncIterator[bytes]

    @property
    def code(self) -> int:
        """The status code."""
        return int(self.status[:3])


Handle = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server on a loopback port, in a thread of its own.

    Args:
        handle: answers one request, and is cancelled when its client hangs up.
    """

    def __init__(self, handle: Handle) -> None:
        self.port = 0
        self._handle = handle
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._down = asyncio.get_running_loop(), asyncio.Event()
        connections: set[asyncio.Task[None]] = set()

        def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._connection(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await asyncio.start_server(connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._up.set()
        await self._down.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _read_request(reader)
        try:
            while request is not None:
                answering = asyncio.ensure_future(self._handle(request, writer))
                following = asyncio.ensure_future(_read_request(reader))
                try:
                    await asyncio.wait((answering, following), return_when="FIRST_COMPLETED")
                    if following.done() and following.result() is None:
                        break
                    await answering
                    request = await following
                finally:
                    answering.cancel()
                    following.cancel()
                    await asyncio.gather(answering, following, return_exceptions=True)
        except (OSError, EOFError):  # of the one who is asked, or the one who asks
            pass
        finally:
            writer.close()


@asynccontextmanager
async def ask(port: int, request: Request) -> AsyncIterator[Answer]:
    """Send a request to a loopback port, on a connection that is closed in the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        own = [("host", f"127.0.0.1:{port}"), ("content-length", str(len(request.body)))]
        fields = [field for field in request.fields if field[0] not in ("host", *_FRAMING)]
        _write_head(writer, f"{request.method} {request.path} HTTP/1.1", [*own, *fields])
        writer.write(request.body)
        line, fields = await _read_head(reader)
        framing = {name: value for name, value in fields if name in _FRAMING}
        chunked = framing.get("transfer-encoding") == "chunked"
        length = None if chunked else int(framing.get("content-length", "0"))
        yield Answer(
            line.partition(" ")[2],
            [field for field in fields if field[0] not in _FRAMING],
            length,
            _chunks(reader) if length is None else _pieces(reader, length),
        )
    finally:
        writer.close()


async def send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Hand on an answer, piece by piece."""
    chunked = answer.length is None
    frame = ("transfer-encoding", "chunked") if chunked else ("content-length", str(answer.length))
    _write_head(writer, f"HTTP/1.1 {answer.status}", [*answer.fields, frame])
    async for piece in answer.body:
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        await writer.drain()
    if chunked:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


async def whole(answer: Answer) -> bytes:
    """The whole body."""
    return b"".join([piece async for piece in answer.body])


def said(status: str, fields: Fields, body: bytes) -> Answer:
    """An answer of one's own."""

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    return Answer(status, fields, len(body), pieces())


_FRAMING = ("connection", "content-length", "transfer-encoding")


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        line, fields = await _read_head(reader)
    except (OSError, EOFError):
        return None
    method, path, _ = line.split(" ")
    given = dict(fields)
    chunked = given.get("transfer-encoding") == "chunked"
    body = _chunks(reader) if chunked else _pieces(reader, int(given.get("content-length", "0")))
    return Request(method, path, fields, b"".join([piece async for piece in body]))


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, Fields]:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "surrogateescape")
    line, *lines = text[:-4].split("\r\n")
    pairs = (each.partition(":") for each in lines)
    return line, [(name.lower(), value.strip()) for name, _, value in pairs]


def _write_head(writer: asyncio.StreamWriter, line: str, fields: Fields) -> None:
    lines = [line, *(f"{name}: {value}" for name, value in fields), "", ""]
    writer.write("\r\n".join(lines).encode("utf-8", "surrogateescape"))


async def _pieces(reader: asyncio.StreamReader, length: int) -> AsyncIterator[bytes]:
    while length:
        piece = await reader.read(min(length, 65536))
        if not piece:
            raise EOFError
        length -= len(piece)
        yield piece


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
