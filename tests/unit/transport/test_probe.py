"""What a server is asked and how its answer is told, whatever listens there."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import grpc
import pytest

from tests.unit.transport.certificates import Authority, write
from tests.unit.transport.running import (
    GRACE,
    OPTIONS,
    SOON,
    Kind,
    exchange_headers,
    open_stream,
    running,
)
from translator.transport.probe import NoHealthError, status
from translator.transport.service import SERVICE

LITTLE = 0.1  # seconds, for an answer that does not come


async def refused(target: str, why: str, context: ssl.SSLContext | None = None) -> None:
    with pytest.raises(NoHealthError, match=f"^{why}$"):
        await status(target, SERVICE, SOON, context)


def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


@asynccontextmanager
async def says(content: bytes | None) -> AsyncIterator[str]:
    """A server of something else, for one connection, which says this and no more; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            listening.settimeout(SOON)
            connection, _ = listening.accept()
            connection.settimeout(SOON)
            with connection, suppress(OSError):  # whoever asks leaves as soon as it knows
                if content is not None:
                    connection.sendall(content)
                    connection.shutdown(socket.SHUT_WR)
                while connection.recv(1024):
                    pass

        serving = asyncio.create_task(asyncio.to_thread(serve))
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        await serving


def frame(kind: int, flags: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + (1).to_bytes(4) + payload


@pytest.mark.parametrize("form", ["unix:{}/s", "unix://{}/s", "unix:{}/a%20s"])
async def test_a_unix_socket_is_asked(tmp_path: Path, kind: Kind, form: str) -> None:
    async with running(form.format(tmp_path), kind) as (_, target):
        assert await status(target, SERVICE, SOON) == "SERVING"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::]"])  # noqa: S104 -- what is asked is loopback
async def test_a_port_is_asked_on_loopback_where_it_is_everywhere(host: str, kind: Kind) -> None:
    async with running(f"{host}:0", kind) as (_, target):
        assert await status(f"{host}:{target.rpartition(':')[2]}", SERVICE, SOON) == "SERVING"


async def test_ipv6_is_asked(kind: Kind) -> None:
    async with running("[::1]:0", kind) as (_, target):
        assert await status(f"[::1]:{target.rpartition(':')[2]}", SERVICE, SOON) == "SERVING"


async def test_a_server_that_drains_does_not_serve(kind: Kind) -> None:
    async with (
        running(kind=kind) as (transport, target),
        grpc.aio.insecure_channel(target, OPTIONS) as channel,
    ):
        call = open_stream(channel)
        await exchange_headers(call)
        draining = asyncio.create_task(transport.drain(SOON))
        await asyncio.sleep(0)  # the drain begins with its health
        assert await status(target, SERVICE, SOON) == "NOT_SERVING"
        await call.done_writing()
        await draining


async def test_another_service_is_not_there(kind: Kind) -> None:
    async with running(kind=kind) as (_, target):
        with pytest.raises(NoHealthError, match=r"^is a server of something else$"):
            await status(target, "some.Other", SOON)


async def test_with_tls_any_certificate_will_do(tmp_path: Path) -> None:
    pair = Authority().issue("spiffe.example")
    async with running(tls=write(tmp_path, pair)) as (_, target):
        assert await status(target, SERVICE, SOON, tls()) == "SERVING"
        await refused(target, "(closed the connection|TLS).*")


async def test_with_mutual_tls_one_of_the_right_authority_is_needed(tmp_path: Path) -> None:
    ours = Authority()
    files = write(tmp_path, ours.issue(), ours.pem)
    strangers = write(tmp_path / "others", Authority().issue())
    async with running(tls=files) as (_, target):
        known, unknown = tls(), tls()
        known.load_cert_chain(files.certificate, files.key)
        unknown.load_cert_chain(strangers.certificate, strangers.key)
        assert await status(target, SERVICE, SOON, known) == "SERVING"
        for context in (tls(), unknown):  # gRPC does not say why
            await refused(target, "closed the connection without an answer", context)


async def test_tls_is_not_spoken_to_plain_text(kind: Kind) -> None:
    async with running(kind=kind) as (_, target):
        await refused(target, "(TLS: .*|closed the connection without an answer)", tls())


async def test_nothing_listens(tmp_path: Path, kind: Kind) -> None:
    async with running(kind=kind) as (transport, target):
        await transport.drain(GRACE)
        await refused(target, "nothing listens there")
    await refused(f"unix:{tmp_path}/none", "nothing listens there")


async def test_a_name_that_nobody_has_cannot_be_reached() -> None:
    await refused("nobody.invalid:1", "cannot be reached: .+")


async def test_who_says_nothing_is_not_waited_for() -> None:
    async with says(None) as target:
        with pytest.raises(NoHealthError, match=r"^did not answer in 0\.1 s$"):
            await status(target, SERVICE, LITTLE)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak HTTP/2"),
        (frame(4, 0, b"") + frame(0, 0, b""), "closed the connection without an answer"),
        (frame(7, 0, bytes(8)), "is a server of something else"),  # GOAWAY
        (frame(3, 0, bytes(4)), "is a server of something else"),  # RST_STREAM
        (frame(1, 5, b"\x88"), "is a server of something else"),  # the end, and no message
        (frame(0, 1, bytes(5) + b"\xff"), "is a server of something else"),  # not a message
        (frame(0, 1, bytes(5) + b"\x08\x63"), "is a server of something else"),  # status 99
    ],
)
async def test_what_is_no_answer_is_told(content: bytes, why: str) -> None:
    async with says(content) as target:
        await refused(target, why)


async def test_an_answer_may_come_in_pieces() -> None:
    pieces = frame(0, 0, b"\0\0\0\0\2") + frame(6, 1, bytes(8)) + frame(0, 1, b"\x08\x01")
    async with says(pieces) as target:
        assert await status(target, SERVICE, SOON) == "SERVING"
