"""Malicious clients, while others are served."""

import asyncio
import ssl
from collections.abc import Callable, Sequence

import pytest

from tests.unit.transport.h2.conftest import Clock
from tests.unit.transport.h2.library import CHECK, NOTHING, PROCESS, WATCH, Client, connected, raw
from tests.unit.transport.h2.serving import serving, until
from tests.unit.transport.h2.wire import (
    PREFACE,
    Frame,
    block,
    continuation,
    data,
    frames_of,
    headers,
    ping,
    rst_stream,
    settings,
    wire,
)
from tests.unit.transport.running import SOON
from translator.transport.h2.limits import DEFAULTS, Limits

PROTOCOL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, ENHANCE_YOUR_CALM = 1, 4, 5, 11
REFUSED_STREAM = (7).to_bytes(4)
CALL = block(
    (":method", "POST"),
    (":scheme", "http"),
    (":path", PROCESS),
    (":authority", "translator"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
)
GREETING = PREFACE + wire(settings())
FEW = Limits(useless=50, wasted=50, continuations=3, header_block=1000)


async def heard(address: str, said: bytes) -> list[Frame]:
    """All that the server says to these bytes before it hangs up."""
    loop = asyncio.get_running_loop()
    answer = b""
    async with asyncio.timeout(SOON), raw(address) as sock:
        await loop.sock_sendall(sock, said)
        while piece := await loop.sock_recv(sock, 2**16):
            answer += piece
    return frames_of(answer)


def goodbye(frames: Sequence[Frame]) -> tuple[int, int, bytes]:
    """What GOAWAY says, which is the last of these frames and no other."""
    assert [frame.kind for frame in frames].index(7) == len(frames) - 1
    payload = frames[-1].payload
    return int.from_bytes(payload[:4]), int.from_bytes(payload[4:8]), payload[8:]


def rapid_reset(stream: int) -> bytes:
    return wire(headers(stream, CALL), rst_stream(stream, 8))


def malformed(stream: int) -> bytes:
    return wire(headers(stream, block((":method", "POST"))))


def empty_data(stream: int) -> bytes:
    start = wire(headers(1, CALL)) if stream == 1 else b""
    return start + wire(data(1))


def late_data(stream: int) -> bytes:
    start = wire(headers(1, CALL), rst_stream(1, 8)) if stream == 1 else b""
    return start + wire(data(1))


FLOODS: dict[str, tuple[Callable[[int], bytes], bytes]] = {
    "rapid reset": (rapid_reset, b"too many wasted streams"),
    "malformed requests": (malformed, b"too many wasted streams"),
    "ping": (lambda _: wire(ping()), b"too many useless frames"),
    "settings": (lambda _: wire(settings((3, 1))), b"too many useless frames"),
    "empty data": (empty_data, b"too many useless frames"),
    "late data": (late_data, b"too many useless frames"),
    "priority": (
        lambda _: wire(Frame(2, 0, 1, b"\0\0\0\3\1")),
        b"too many useless frames",
    ),
    "unknown frames": (lambda _: wire(Frame(99)), b"too many useless frames"),
    "a block without an end": (
        lambda stream: wire(
            headers(1, b"", whole=False) if stream == 1 else continuation(1, b"", whole=False)
        ),
        b"too many CONTINUATION frames",
    ),
    "a large block": (
        lambda _: wire(headers(1, bytes(2000), whole=False)),
        b"header block too large",
    ),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_ends_its_connection_and_no_other(flood: str) -> None:
    piece, reason = FLOODS[flood]
    async with serving(limits=FEW) as served, connected(served.address) as other:
        said = GREETING + b"".join(map(piece, range(1, 4000, 2)))
        for _ in range(3):
            flooding = asyncio.create_task(heard(served.address, said))
            assert (await other.call(CHECK)).status == (0, "")
            _, code, said_back = goodbye(await flooding)
            assert (code, said_back) == (ENHANCE_YOUR_CALM, reason)
        await until(lambda: len(served.peers) == 1)
        assert not served.calls
        assert (await other.call(CHECK)).status == (0, "")


async def test_streams_above_the_limit_are_refused() -> None:
    async with (
        serving(limits=Limits(streams=3, wasted=2)) as served,
        connected(served.address) as client,
    ):
        said = wire(*(headers(stream, CALL) for stream in range(1, 13, 2)))
        frames = await heard(served.address, GREETING + said)
        assert goodbye(frames)[1] == ENHANCE_YOUR_CALM
        refused = [(frame.stream, frame.payload) for frame in frames if frame.kind == 3]
        assert refused == [(7, REFUSED_STREAM), (9, REFUSED_STREAM)]
        assert len(served.sessions) == 3
        assert (await client.call(CHECK)).status == (0, "")


@pytest.mark.parametrize("said", [b"", PREFACE[:5], PREFACE, PREFACE + b"\0\0\0\4"])
async def test_a_client_without_a_preface_is_disconnected(said: bytes, clock: Clock) -> None:
    async with serving() as served, connected(served.address) as client:
        silent = asyncio.create_task(heard(served.address, said))
        await until(lambda: len(served.peers) == 2)
        await client.call(CHECK)  # both have been heard
        await clock.advance(DEFAULTS.greeting)
        last, code, reason = goodbye(await silent)
        assert (last, code, reason) == (
            0,
            SETTINGS_TIMEOUT,
            b"no HTTP/2 preface and SETTINGS in time",
        )
        assert (await client.call(CHECK)).status == (0, "")


def hello() -> bytes:
    """What a client of TLS says first."""
    out = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="x")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", hello(), b"\0", b"PRI * HTTP/2.0\r\n\r\nXX"]
)
async def test_another_protocol_gets_goaway(said: bytes) -> None:
    async with serving() as served:
        assert goodbye(await heard(served.address, said)) == (0, PROTOCOL_ERROR, b"not HTTP/2")
        assert not served.sessions


async def test_http_1_is_not_upgraded() -> None:
    said = (
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\n"
        b"upgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n" + GREETING
    )
    async with serving() as served:
        assert goodbye(await heard(served.address, said))[1] == PROTOCOL_ERROR


async def test_calls_before_the_fault_are_ended() -> None:
    async with serving() as served, connected(served.address) as client:
        for _ in range(3):
            await client.open(PROCESS)
        await client.open(CHECK)
        await until(lambda: len(served.sessions) == 3)
        await client.say(wire(ping()._replace(stream=1)))
        assert await client.gone() == (7, PROTOCOL_ERROR, b"frame 6 on stream 1")
        await until(lambda: not served.peers)
        assert [session.closed for session in served.sessions] == [1, 1, 1]


async def test_input_after_a_fault_is_ignored() -> None:
    async with serving() as served, connected(served.address) as client:
        await client.say(wire(ping()._replace(stream=1), headers(1, CALL)))
        assert (await client.gone())[0] == 0
        assert not served.sessions


async def test_a_call_that_is_refused_and_reset_at_once() -> None:
    async with serving() as served, connected(served.address) as client:
        get = block((":method", "GET"), (":scheme", "http"), (":path", "/"))
        await client.say(wire(headers(1, get), rst_stream(1, 8)))
        await client.say(wire(headers(3, CALL), rst_stream(3, 8)))
        client.http.highest_outbound_stream_id = 3
        assert (await client.call(CHECK)).status == (0, "")
        assert not served.calls
        assert len(served.sessions) == 1


async def test_messages_on_an_ended_call_are_dropped() -> None:
    async with serving() as served, connected(served.address) as client:
        stream = await client.open(CHECK)
        await client.send(stream, NOTHING)
        assert (await client.ended(stream)).status == (0, "")
        await client.say(wire(data(stream, NOTHING), data(stream, end=True)))
        assert (await client.call(CHECK)).status == (0, "")
        resets = [f.payload for f in client.frames if (f.kind, f.stream) == (3, stream)]
        assert set(resets) <= {(0).to_bytes(4), STREAM_CLOSED.to_bytes(4)}


async def test_a_connection_without_input_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as served:
        for _ in range(20):
            async with raw(served.address):
                pass
        await until(lambda: not served.peers)
    assert not caplog.records


async def test_a_half_closed_connection_is_closed() -> None:
    async with serving() as served, raw(served.address) as sock:
        client = Client(sock, 0)
        client.http.initiate_connection()
        await client.flush()
        sock.shutdown(1)
        await client.until(lambda: client.closed)
        await until(lambda: not served.peers)


async def test_frames_in_flight_to_an_ended_call_do_not_end_the_connection() -> None:
    # A client may have sent as much as its windows let it before it hears of the end.
    async with serving() as served, connected(served.address) as client:
        watch = await client.open(WATCH)
        await client.send(watch, NOTHING)
        await client.reply(watch)
        stream = await client.open("/package.Service/Nothing")
        await client.say(wire(*[data(stream, bytes(16))] * 4000))
        assert (await client.ended(stream)).status == (12, "no such method")
        assert (await client.call(CHECK)).status == (0, "")
        assert not client.answers[watch].ended
