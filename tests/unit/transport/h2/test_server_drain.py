"""A drain: notices to clients, open streams, and nothing left behind."""

import asyncio
from pathlib import Path

import pytest

from tests.unit import envoy
from tests.unit.transport.h2.library import (
    CHECK,
    NOTHING,
    PROCESS,
    WATCH,
    Client,
    connected,
    message,
    raw,
)
from tests.unit.transport.h2.serving import LONG, serving, tasks, until
from tests.unit.transport.running import SOON
from translator.extproc.session import Session
from translator.transport.h2 import peer, server
from translator.transport.h2.server import H2Transport

HEADERS = message(envoy.request_headers().SerializeToString())
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"
DRAINING = (14, "draining")


@pytest.fixture(autouse=True)
def linger(monkeypatch: pytest.MonkeyPatch) -> float:
    """How long a client may take to hang up: not a second, so that no test waits for one."""
    seconds = 0.1
    monkeypatch.setattr(server, "LINGER", seconds)
    monkeypatch.setattr(peer, "LINGER", seconds)
    return seconds


async def begin(client: Client) -> int:
    """A stream whose first message has been answered."""
    stream = await client.open(PROCESS)
    await client.send(stream, HEADERS)
    await client.reply(stream)
    return stream


@pytest.fixture(params=["tcp", "unix"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "127.0.0.1:0" if request.param == "tcp" else f"unix:{tmp_path}/s"


async def test_open_streams_continue_and_new_ones_are_refused(address: str) -> None:
    async with serving(address) as served, connected(served.address) as client:
        stream = await begin(client)
        watches = [await client.open(WATCH) for _ in range(2)]
        for watch in watches:
            await client.send(watch, NOTHING, end=True)
            assert await client.reply(watch) == [SERVING]
        draining = asyncio.create_task(served.transport.drain(LONG))
        for watch in watches:
            assert await client.reply(watch, 2) == [SERVING, NOT_SERVING]
        assert (await client.call(PROCESS, HEADERS)).status == DRAINING
        assert (await client.call(CHECK)).messages == [NOT_SERVING]
        async with connected(served.address) as another:  # it listens as long as it drains
            assert (await another.call(CHECK)).messages == [NOT_SERVING]
            assert (await another.call(PROCESS, HEADERS)).status == DRAINING
            late = await another.open(WATCH)
            await another.send(late, NOTHING)
            assert await another.reply(late) == [NOT_SERVING]
            assert not draining.done()
            last = await client.open(PROCESS)
            assert (await client.ended(last)).status == DRAINING
            await client.send(stream, HEADERS[:0], end=True)
            assert (await client.ended(stream)).status == (0, "")
            assert await client.gone() == (last, 0, b"")
            assert await another.gone() == (late, 0, b"")
        for watch in watches:
            assert client.answers[watch].status == DRAINING
        await draining


async def test_a_retirement_ends_no_stream_and_no_connection() -> None:
    async with serving() as served, connected(served.address) as client:
        stream = await begin(client)
        retiring = asyncio.create_task(served.transport.retire())
        await until(lambda: served.transport._services.draining)  # noqa: SLF001 -- nothing else tells
        assert (await client.call(PROCESS, HEADERS)).status == DRAINING
        assert not retiring.done()
        await client.send(stream, HEADERS[:0], end=True)
        assert (await client.ended(stream)).status == (0, "")
        await retiring
        assert (await client.call(CHECK)).messages == [NOT_SERVING]


async def test_streams_that_outlive_the_grace_are_cut() -> None:
    async with serving() as served, connected(served.address) as client:
        streams = [await begin(client) for _ in range(3)]
        unanswered = await client.open(PROCESS)
        await until(lambda: len(served.sessions) == 4)
        draining = asyncio.create_task(served.transport.drain(0.05))
        assert await client.gone() == (unanswered, 0, b"")
        await draining
        assert not tasks()
        assert not served.calls
        assert {client.answers[s].status for s in (*streams, unanswered)} == {DRAINING}


def exists(address: str) -> bool:
    """Whether there is a file of this name, which no port has."""
    return Path(address.removeprefix("unix:")).exists()


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_drain_without_grace_and_repeatedly(address: str, times: int) -> None:
    async with serving(address) as served, connected(served.address) as client:
        stream = await begin(client)
        gone = asyncio.create_task(client.gone())
        for _ in range(times):
            await served.transport.drain(0)
        assert not served.peers
        assert await gone == (stream, 0, b"")
        assert client.answers[stream].status == DRAINING
    assert not exists(address)


async def test_a_drain_with_nothing_open_takes_no_time() -> None:
    async with serving() as served, connected(served.address) as client:
        await client.call(CHECK)
        await served.transport.drain(LONG)
        assert (await client.gone())[1] == 0


async def test_a_server_that_was_never_started_drains() -> None:
    await H2Transport(lambda _: Session()).drain(LONG)


async def test_a_client_without_a_preface_gets_goaway_too() -> None:
    async with serving() as served, raw(served.address) as sock:
        await until(lambda: served.peers)
        await served.transport.drain(LONG)
        client = Client(sock, 0)
        client.http.initiate_connection()
        await client.until(lambda: client.closed)
        assert [frame.kind for frame in client.frames] == [4, 8, 7]


async def test_a_response_in_flight_arrives() -> None:
    size = 3_000_000
    async with (
        serving(answer=lambda _: b"x" * size) as served,
        connected(served.address, window=2**24, buffer=4096) as client,
    ):
        stream = await client.open(PROCESS)
        await client.send(stream, message(b""), end=True)
        await until(lambda: served.sessions and served.sessions[0].asked)
        draining = asyncio.create_task(served.transport.drain(LONG))
        answer = await client.ended(stream)
        assert (len(answer.messages[0]), answer.status) == (size, (0, ""))
        assert await client.gone() == (stream, 0, b"")
        await draining


@pytest.mark.parametrize("window", [10, 2**31 - 1])
async def test_a_client_that_does_not_read_is_disconnected(window: int, linger: float) -> None:
    loop = asyncio.get_running_loop()
    async with (
        serving(answer=lambda _: bytes(30_000_000)) as served,
        connected(served.address, window=window, buffer=4096) as client,
    ):
        stream = await client.open(PROCESS)
        await client.send(stream, message(b""))
        await until(lambda: served.sessions and served.sessions[0].asked)
        began = loop.time()
        await served.transport.drain(0)
        assert 0.9 * linger < loop.time() - began < SOON
        assert not served.peers
        assert not tasks()


async def test_a_client_that_does_not_disconnect_is_disconnected() -> None:
    async with serving() as served, connected(served.address) as client:
        await begin(client)
        await served.transport.drain(0)  # nobody reads here, so that nobody hears of the end
        assert not served.peers


async def test_nobody_can_connect_afterwards(address: str) -> None:
    async with serving(address) as served:
        await served.transport.drain(0)
        with pytest.raises(OSError, match=r"Connect call failed|No such file"):
            async with raw(served.address):
                pass
