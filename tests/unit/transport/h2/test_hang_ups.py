"""A client that disconnects just before a write.

On loopback that moment can be made: a socket that was closed answers with a reset before ``send``
returns, so that whatever the server does next, it does to a connection that is gone.
"""

import asyncio
import fcntl
import math
import socket
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from tests.unit.transport.h2.conftest import Clock
from tests.unit.transport.h2.library import PROCESS, Client, connected, message, raw
from tests.unit.transport.h2.serving import Served, serving, until
from translator.transport.h2 import peer as module
from translator.transport.h2.limits import DEFAULTS

ANSWER = bytes(10_000)  # several are less than asyncio buffers before it says that it is full
GREETING = 2  # frames of the server's


@asynccontextmanager
async def slow_reader() -> AsyncIterator[tuple[Served, Client, int]]:
    """A client that has begun a stream and does not read; each of its messages gets a response."""
    async with (
        serving(answer=lambda _: ANSWER) as served,
        connected(served.address, window=2**31 - 1, buffer=4096) as client,
    ):
        stream = await client.open(PROCESS)
        await until(lambda: served.sessions)
        yield served, client, stream


def transport(served: Served) -> Any:
    """That of the only connection."""
    (peer,) = served.peers
    return peer._transport  # noqa: SLF001 -- nothing else tells what asyncio has left to send


async def ask(client: Client, stream: int, served: Served, times: int = 1) -> None:
    """Send messages, each in a frame of its own, which gets its response by itself."""
    (session,) = served.sessions
    asked = session.asked + times
    for _ in range(times):
        client.http.send_data(stream, message(b""))
    await client.flush()
    await until(lambda: session.asked == asked)


async def fill(client: Client, stream: int, served: Served) -> None:
    """Ask until the kernel takes no more, and a part of a response is left to asyncio."""
    while not transport(served).get_write_buffer_size():
        await ask(client, stream, served)
    assert served.listens_to == [True]


def empty(client: Client, served: Served) -> None:
    """Read all that the kernel has of the connection. The server does not run meanwhile."""
    server = transport(served).get_extra_info("socket")
    while kept(server, termios.TIOCOUTQ) or kept(client.sock, termios.FIONREAD):
        with suppress(BlockingIOError):
            client.sock.recv(2**20)


def kept(sock: Any, request: int) -> int:
    """The bytes that the kernel has of a socket, to be sent or to be read."""
    return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), request, bytes(4)))[0])


async def test_it_hangs_up_as_a_drain_ends_its_calls() -> None:
    async with serving() as served, connected(served.address) as client:
        await client.open(PROCESS)
        await until(lambda: served.sessions)
        await client.until(lambda: len(client.frames) > GREETING)
        served.sessions[0].at_end = client.sock.close
        await served.transport.drain(0)


async def test_it_hangs_up_as_its_time_is_over(clock: Clock) -> None:
    loop = asyncio.get_running_loop()
    async with serving() as served, raw(served.address) as sock:
        await loop.sock_recv(sock, 1024)
        (peer,) = served.peers
        over = peer._timer.when()  # noqa: SLF001 -- the moment has no other name
        loop.call_at(math.nextafter(over, 0), sock.close)  # in the same turn of the loop
        await clock.advance(DEFAULTS.greeting)
        await until(lambda: not served.peers)


async def test_it_hangs_up_as_the_last_bytes_of_a_drain_are_sent() -> None:
    async with slow_reader() as (served, client, stream):
        await fill(client, stream, served)
        draining = asyncio.create_task(served.transport.drain(0))
        await until(lambda: not served.calls)  # the end is said, after what is left
        empty(client, served)
        asyncio.get_running_loop().call_soon(client.sock.close)  # before asyncio sends that
        await draining


async def test_it_hangs_up_as_it_is_written_to_again() -> None:
    async with slow_reader() as (served, client, stream):
        transport(served).set_write_buffer_limits(0)  # so that the rest goes in one piece
        while served.listens_to == [True]:
            await ask(client, stream, served, 20)
        empty(client, served)
        asyncio.get_running_loop().call_soon(client.sock.close)  # before asyncio sends what is left
        await until(lambda: not served.peers)


async def test_it_hangs_up_as_a_drain_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER", 0)
    async with slow_reader() as (served, client, stream):
        await fill(client, stream, served)
        await client.reset(stream)
        await until(lambda: not served.calls)
        client.sock.shutdown(socket.SHUT_WR)
        await until(transport(served).is_closing)  # as soon as what is left has been sent
        draining = asyncio.create_task(served.transport.drain(0))
        asyncio.get_running_loop().call_soon(empty, client, served)
        await draining
