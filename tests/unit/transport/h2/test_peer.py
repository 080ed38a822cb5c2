"""Events of a connection that a client cannot time."""

import asyncio
import itertools
import logging
import socket
import struct
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.unit.transport.h2.conftest import Clock
from tests.unit.transport.h2.library import CHECK, PROCESS, Client, connected, message
from tests.unit.transport.h2.serving import LONG, serving, until
from tests.unit.transport.h2.wire import GOAWAY
from translator.extproc.session import Session
from translator.transport.h2 import peer as module
from translator.transport.h2.limits import DEFAULTS, PERIOD, Limits
from translator.transport.h2.peer import LARGEST_READ, LINGER, Peer
from translator.transport.h2.services import Services

BRIEF = Limits(idle=1.5 * PERIOD)
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closed so, TCP says that there was an error


@pytest.fixture
async def pair() -> AsyncIterator[tuple[socket.socket, socket.socket]]:
    client, server = socket.socketpair()
    with client, server:
        client.settimeout(0)
        server.settimeout(0)
        yield client, server


async def test_a_connection_accepted_during_the_shutdown_is_closed(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    services = Services(lambda _: Session())
    services.closed = True
    peers: set[Peer] = set()
    loop = asyncio.get_running_loop()
    client, server = pair
    await loop.connect_accepted_socket(
        lambda: Peer(services, DEFAULTS, peers, memoryview(bytearray(LARGEST_READ))), server
    )
    assert await loop.sock_recv(client, 1) == b""
    assert not peers


async def test_a_client_can_disconnect_during_a_response(caplog: pytest.LogCaptureFixture) -> None:
    clients: list[Client] = []

    def answer(_message: object) -> bytes:
        for client in clients:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.sock.close()
        return bytes(10_000_000)

    async with (
        serving(answer=answer) as served,
        connected(served.address, window=2**31 - 1) as client,
    ):
        stream = await client.open(PROCESS)
        await client.send(stream, b"\0")
        await until(lambda: served.sessions)
        clients.append(client)
        await client.send(stream, message(b"")[1:])
        await until(lambda: not served.peers)
        assert not served.calls
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_an_idle_connection_that_does_not_read_is_closed(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        serving(f"unix:{tmp_path}/s", BRIEF, lambda _: bytes(200_000)) as served,
        connected(served.address, window=2**31 - 1) as client,
    ):
        # More than the socket takes; and then all calls are over.
        for number in itertools.count(1):
            await client.send(await client.open(PROCESS), message(b""), end=True)
            await until(partial(served.is_done_with, number))
            if served.listens_to == [False]:
                break
        await clock.advance(BRIEF.greeting, PERIOD, PERIOD, LINGER)
        await until(lambda: not served.peers)


async def test_an_idle_connection_is_closed_without_an_error(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(module, "LINGER", LONG)  # it is told of the end, and not cut
    async with serving(limits=BRIEF) as served, connected(served.address) as client:
        await client.call(CHECK)
        await clock.advance(BRIEF.greeting, PERIOD, PERIOD)
        assert await client.gone() == (1, 0, b"idle")


async def test_a_connection_with_a_stream_is_not_idle(clock: Clock) -> None:
    async with serving(limits=BRIEF) as served, connected(served.address) as client:
        stream = await client.open(PROCESS)
        await until(lambda: served.sessions)
        async with connected(served.address) as idle:
            await idle.call(CHECK)
            await clock.advance(BRIEF.greeting, PERIOD, PERIOD)
            assert (await idle.gone())[2] == b"idle"
        await client.send(stream, b"", end=True)
        assert (await client.ended(stream)).status == (0, "")
        assert not [frame for frame in client.frames if frame.kind == GOAWAY]


async def test_useless_frames_are_forgotten_after_the_period(clock: Clock) -> None:
    limits = Limits(useless=20)
    async with serving(limits=limits) as served, connected(served.address) as client:
        await client.call(CHECK)
        await clock.advance(limits.greeting)
        for _ in range(5):
            for _ in range(15):
                client.http.ping(b"pingpong")
            await client.flush()
            await client.call(CHECK)  # the pings have been counted
            await clock.advance(PERIOD)
        assert not [frame for frame in client.frames if frame.kind == GOAWAY]
