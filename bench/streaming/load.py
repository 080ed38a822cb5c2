"""Streams that are opened one after the other, kept open, ended and checked."""

import asyncio
from array import array
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from bench.results import BenchError
from bench.streaming import events
from bench.streaming.client import Client
from bench.streaming.server import STREAM_HEADER, ModelConnection

_PATIENCE = 60.0  # seconds until all streams have begun, and until all have ended
# Seconds between the opening of two streams. Not a simple fraction of the usual interval, so that
# the events of many streams are spread over it.
_SPACING = 1 / 256


class Target(NamedTuple):
    """The target of streams.

    Attributes:
        port: the loopback port of Envoy's listener.
        upstream: the port of its model server, which is the load process itself.
        path: the path of the requests.
        body: the body of the requests.
        openai: whether responses are OpenAI's, or the model server's.
        numbered: whether events have their numbers; those of a no-op filter do not.
    """

    port: int
    upstream: int
    path: str
    body: bytes
    openai: bool
    numbered: bool

    def request(self, stream: int) -> bytes:
        """The request that opens a stream."""
        head = (
            f"POST {self.path} HTTP/1.1",
            "host: gateway",
            "content-type: application/json",
            f"content-length: {len(self.body)}",
            f"{STREAM_HEADER}: {stream}",
            "connection: close",
            "\r\n",
        )
        return "\r\n".join(head).encode() + self.body


class Load:
    """The open streams: the times of all sent and received events, by one clock."""

    def __init__(self, streams: int) -> None:
        self.sent = [array("d") for _ in range(streams)]
        self.clients: list[Client] = []

    @property
    def received(self) -> int:
        """The number of received events."""
        return sum(len(client.received) for client in self.clients)

    def first_events(self) -> list[float]:
        """Seconds from each request to its first event."""
        return [client.received[0] - client.asked for client in self.clients]

    def delays(self, since: float, until: float) -> list[float]:
        """The delay in seconds of each event that was sent and received in this time."""
        return [
            received - sent
            for times, client in zip(self.sent, self.clients, strict=True)
            # A client may have fewer as long as the stream is open.
            for sent, received in zip(times, client.received, strict=False)
            if since <= sent and received <= until
        ]

    def gaps(self, since: float, until: float) -> Iterator[float]:
        """The seconds between successive events of a stream, both received in this time."""
        for client in self.clients:
            for earlier, later in pairwise(client.received):
                if since <= earlier and later <= until:
                    yield later - earlier

    def check(self, target: Target) -> None:
        """Check that all streams were complete, after their end.

        Raises:
            BenchError: a stream was not.
        """
        for times, client in zip(self.sent, self.clients, strict=True):
            if len(times) != len(client.received):
                raise BenchError(f"{len(times)} events were sent, {len(client.received)} received")
            if (client.last == events.DONE) != target.openai:
                raise BenchError(f"a stream ended with {client.last!r}")


@asynccontextmanager
async def opened(target: Target, *, streams: int, interval: float | None) -> AsyncIterator[Load]:
    """Open streams; yields them when each has had an event; ends and checks them.

    Args:
        target: their target.
        streams: their number.
        interval: seconds between two events of a stream; None for no pause.

    Raises:
        BenchError: a stream was wrong.
    """
    loop = asyncio.get_running_loop()
    load = Load(streams)
    connections: list[ModelConnection] = []

    def accept() -> ModelConnection:
        connections.append(ModelConnection(load.sent.__getitem__, interval))
        return connections[-1]

    server = await loop.create_server(accept, "127.0.0.1", target.upstream, backlog=streams)
    try:
        began = loop.time()
        for stream in range(streams):
            await asyncio.sleep(began + stream * _SPACING - loop.time())
            load.clients.append(await _ask(target, stream))
        await _all([client.begun for client in load.clients])
        yield load
        for connection in connections:
            connection.end()
        await _all([client.ended for client in load.clients])
        load.check(target)
    finally:
        server.close()
        for client in load.clients:
            client.abort()
        for connection in connections:
            connection.abort()


async def _ask(target: Target, stream: int) -> Client:
    made = partial(Client, target.request(stream), numbered=target.numbered)
    loop = asyncio.get_running_loop()
    try:
        _, client = await loop.create_connection(made, "127.0.0.1", target.port)
    except OSError as error:
        raise BenchError(f"cannot connect: {error}") from error
    return client


async def _all(futures: list[asyncio.Future[None]]) -> None:
    try:
        async with asyncio.timeout(_PATIENCE):
            await asyncio.gather(*futures)
    except TimeoutError as error:
        missing = sum(not future.done() for future in futures)
        raise BenchError(f"{missing} of {len(futures)} streams hang") from error
    except OSError as error:
        raise BenchError(f"a connection broke: {error}") from error
