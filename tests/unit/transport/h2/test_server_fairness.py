"""What one connection may take of the time and memory that others need."""

import asyncio
import socket
import tracemalloc
from contextlib import ExitStack
from itertools import pairwise

import pytest

from tests.unit.transport.h2.library import CHECK, PROCESS, connected, message
from tests.unit.transport.h2.serving import serving, until
from tests.unit.transport.running import SOON
from translator.transport.h2 import peer as module
from translator.transport.h2.limits import Limits
from translator.transport.h2.peer import LARGEST_READ

MANY = 200
AT_ONCE = 16
FEW = 20_000  # bytes that a connection may cost
RESOURCE_EXHAUSTED = (8, "too many bytes of incomplete messages")


async def test_many_new_connections_are_accepted_a_few_at_a_time() -> None:
    async with serving() as served, connected(served.address) as client:
        await client.call(CHECK)
        host, _, port = served.address.rpartition(":")
        before = [len(served.peers)]
        with ExitStack() as stack:
            for _ in range(MANY):  # the kernel's queue has room for all
                stack.enter_context(socket.create_connection((host, int(port)), timeout=SOON))
            tracemalloc.start()
            async with asyncio.timeout(SOON):
                while before[-1] <= MANY:
                    await asyncio.sleep(0)
                    before.append(len(served.peers))
            held, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert max(after - earlier for earlier, after in pairwise(before)) <= AT_ONCE
            assert held < MANY * FEW
            assert (await client.call(CHECK)).status == (0, "")
        await until(lambda: len(served.peers) == 1)


async def test_a_connection_whose_bytes_take_long_is_read_in_small_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as served, connected(served.address) as client:
        await client.call(CHECK)
        (peer,) = served.peers
        for _ in range(10):
            await client.call(CHECK)
        assert len(peer.get_buffer(-1)) == LARGEST_READ
        monkeypatch.setattr(module, "_SLOW_READ", -1.0)
        for _ in range(10):
            await client.call(CHECK)
        assert len(peer.get_buffer(-1)) == 1024
        monkeypatch.undo()
        for _ in range(10):
            await client.call(CHECK)
        assert len(peer.get_buffer(-1)) == LARGEST_READ


async def test_incomplete_messages_of_a_connection_are_limited() -> None:
    async with (
        serving(limits=Limits(incomplete=100_000), answer=lambda _: b"") as served,
        connected(served.address) as client,
        connected(served.address) as other,
    ):
        first, second = [await client.open(PROCESS) for _ in range(2)]
        whole = message(bytes(60_000))
        await client.send(first, whole[:-1])
        await client.send(second, whole[:-1])
        assert (await client.ended(second)).status == RESOURCE_EXHAUSTED
        # Another connection has the same room, and complete messages take none.
        stream = await other.open(PROCESS)
        await other.send(stream, whole[:-1])
        for _ in range(3):
            await client.send(first, whole[-1:] + whole[:-1])
        await client.reply(first, 3)
        await client.send(first, whole[-1:], end=True)
        assert (await client.ended(first)).status == (0, "")
        await other.send(stream, whole[-1:], end=True)
        assert (await other.ended(stream)).status == (0, "")
        # A stream that was reset takes none either.
        await client.send(third := await client.open(PROCESS), whole[:-1])
        await client.reset(third)
        await client.send(fourth := await client.open(PROCESS), whole, end=True)
        assert (await client.ended(fourth)).status == (0, "")
