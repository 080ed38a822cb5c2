"""Streams opened one after the other, kept open, ended and checked."""

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
# Seconds between the opening of two. No round part of a usual interval, so that the events of many
# streams are spread over it.
_SPACING = 1 / 256


class Target(NamedTuple):
    """Where streams go.

    Attributes:
        port: of Envoy's listener, on loopback.
        upstream: where its model server listens; the load is that too.
        path: of the requests.
        body: of the requests.
        openai: the answers are OpenAI's, and not the model server's own.
        numbered: its events come back with their numbers; not so those of a no-op filter.
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
    """Streams that are open: what has been sent and received so far. Times are of one clock."""

    def __init__(self, streams: int) -> None:
        self.sent = [array("d") for _ in range(streams)]
        self.clients: list[Client] = []

    @property
    def received(self) -> int:
        """How many events."""
        return sum(len(client.received) for client in self.clients)

    def first_events(self) -> list[float]:
        """Seconds from each request to its first event."""
        return [client.received[0] - client.asked for client in self.clients]

    def delays(self, since: float, until: float) -> list[float]:
        """Seconds that each event was under way that was sent and received in this time."""
        return [
            received - sent
            for times, client in zip(self.sent, self.clients, strict=True)
            # A client may have fewer as long as the stream is open.
            for sent, received in zip(times, client.received, strict=False)
            if since <= sent and received <= until
        ]

    def gaps(self, since: float, until: float) -> Iterator[float]:
        """Seconds from each event to the next of its stream, both received in this time."""
        for client in self.clients:
            for earlier, later in pairwise(client.received):
                if since <= earlier and later <= until:
                    yield later - earlier

    def check(self, target: Target) -> None:
        """All streams have ended: see that each was complete.

        Raises:
            BenchError: one was not.
        """
        for times, client in zip(self.sent, self.clients, strict=True):
            if len(times) != len(client.received):
                raise BenchError(f"{len(times)} events were sent, {len(client.received)} received")
            if (client.last == events.DONE) != target.openai:
                raise BenchError(f"a stream ended with {client.last!r}")


@asynccontextmanager
async def opened(target: Target, *, streams: int, interval: float | None) -> AsyncIterator[Load]:
    """Open streams; give them when each has had an event; end them all and check them.

    Args:
        target: where.
        streams: how many.
        interval: seconds between two events of a stream; None for as many as can be.

    Raises:
        BenchError: a stream was not what it should be.
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
