"""The health client with servers of any kind."""

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
from translator.transport.h2 import frames, messages
from translator.transport.h2.errors import ErrorCode
from translator.transport.h2.frames import Kind as FrameKind
from translator.transport.h2.messages import Status
from translator.transport.health.client import status
from translator.transport.service import SERVICE
from translator.transport.unary import Failure, NoResponseError, unverified

LITTLE = 0.1  # seconds, for a response that does not come


async def refused(target: str, why: str, context: ssl.SSLContext | None = None) -> None:
    with pytest.raises(NoResponseError, match=f"^{why}$"):
        await status(target, SERVICE, SOON, context)


@asynccontextmanager
async def says(
    content: bytes | None, *, until: bytes = b"", then: bytes = b""
) -> AsyncIterator[str]:
    """A server for one connection, which says ``content`` and no more; its address.

    With ``until`` it waits for these bytes of the client, and says ``then``.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            listening.settimeout(SOON)
            connection, _ = listening.accept()
            listening.close()  # for whoever would try again
            connection.settimeout(SOON)
            with connection, suppress(OSError):  # whoever asks leaves as soon as it knows
                if content is not None:
                    connection.sendall(content)
                    heard = b""
                    while until not in heard and (piece := connection.recv(1024)):
                        heard += piece
                    connection.sendall(then)
                    connection.shutdown(socket.SHUT_WR)
                while connection.recv(1024):
                    pass

        address = f"127.0.0.1:{listening.getsockname()[1]}"
        serving = asyncio.create_task(asyncio.to_thread(serve))
        yield address
        await serving


SETTINGS = frames.settings({})
HEAD = frames.headers(1, messages.HEAD)
DONE = frames.headers(1, messages.DONE, end=True)
CLOSED, OTHER = "connection closed without a response", "the server does not have this gRPC service"


def goaway(last: int) -> bytes:
    return frames.goaway(last, ErrorCode.NO_ERROR)


def data(payload: bytes, flags: int = 0) -> bytes:
    return frames.head(len(payload), FrameKind.DATA, flags, 1) + payload


def failed(status: Status, message: str = "") -> bytes:
    """A whole response that is only trailers."""
    return frames.headers(1, messages.only_trailers(status, message), end=True)


def whole(message: bytes) -> bytes:
    return HEAD + data(messages.prefix(len(message)) + message) + DONE


SERVING = b"\x08\x01"


@pytest.mark.parametrize("form", ["unix:{}/s", "unix://{}/s", "unix:{}/a%20s"])
async def test_a_unix_socket_is_checked(tmp_path: Path, kind: Kind, form: str) -> None:
    async with running(form.format(tmp_path), kind) as (_, target):
        assert await status(target, SERVICE, SOON) == "SERVING"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::]"])  # noqa: S104 -- what is asked is loopback
async def test_a_wildcard_address_is_checked_on_loopback(host: str, kind: Kind) -> None:
    async with running(f"{host}:0", kind) as (_, target):
        assert await status(f"{host}:{target.rpartition(':')[2]}", SERVICE, SOON) == "SERVING"


async def test_ipv6_is_checked(kind: Kind) -> None:
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


async def test_an_unknown_service_is_reported(kind: Kind) -> None:
    async with running(kind=kind) as (_, target):
        with pytest.raises(NoResponseError, match=r"^the server does not have this gRPC service$"):
            await status(target, "some.Other", SOON)


async def test_with_tls_any_certificate_is_accepted(tmp_path: Path) -> None:
    pair = Authority().issue("spiffe.example")
    async with running(tls=write(tmp_path, pair)) as (_, target):
        assert await status(target, SERVICE, SOON, unverified()) == "SERVING"
        await refused(target, "the server expects TLS, not plain text")


async def test_with_mutual_tls_a_client_certificate_is_needed(tmp_path: Path) -> None:
    ours = Authority()
    files = write(tmp_path, ours.issue(), ours.pem)
    strangers = write(tmp_path / "others", Authority().issue())
    async with running(tls=files) as (_, target):
        known, unknown = unverified(), unverified()
        known.load_cert_chain(files.certificate, files.key)
        unknown.load_cert_chain(strangers.certificate, strangers.key)
        assert await status(target, SERVICE, SOON, known) == "SERVING"
        for context in (unverified(), unknown):  # gRPC does not say why
            await refused(target, "connection closed without a response", context)


async def test_tls_to_a_plain_text_server_is_refused(kind: Kind) -> None:
    async with running(kind=kind) as (_, target):
        await refused(target, "(TLS: .*|connection closed without a response)", unverified())


async def test_an_address_without_listener_is_reported(tmp_path: Path, kind: Kind) -> None:
    async with running(kind=kind) as (transport, target):
        await transport.drain(GRACE)
        await refused(target, "nothing listens there")
    await refused(f"unix:{tmp_path}/none", "nothing listens there")


async def test_an_unknown_host_is_reported() -> None:
    await refused("nobody.invalid:1", "cannot connect: .+")
    await refused(f"{'x' * 64}.invalid:1", "cannot connect: .+")  # longer than a label may be


async def test_a_silent_server_is_reported() -> None:
    async with says(None) as target:
        with pytest.raises(NoResponseError, match=r"^no response within 0\.1 s$"):
            await status(target, SERVICE, LITTLE)


NO_ANSWERS: dict[str, tuple[bytes, str]] = {
    # what comes: (its bytes, what is told)
    "nothing": (b"", CLOSED),
    "TLS's alert": (bytes([21, 3, 1, 0, 2, 2, 70]), CLOSED),
    "HTTP/1.1": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not an HTTP/2 server"),
    "no SETTINGS": (HEAD, "not an HTTP/2 server"),
    "a block that is not HPACK": (SETTINGS + frames.headers(1, b"\xff"), "not an HTTP/2 server"),
    "half an answer": (SETTINGS + HEAD + data(b""), CLOSED),
    "GOAWAY that does not serve the call": (SETTINGS + goaway(0), OTHER),
    "RST_STREAM": (SETTINGS + frames.rst_stream(1, ErrorCode.INTERNAL_ERROR), OTHER),
    "HTTP without gRPC": (SETTINGS + frames.headers(1, b"\x88", end=True), OTHER),
    "no message": (SETTINGS + HEAD + DONE, OTHER),
    "two messages": (SETTINGS + HEAD + data(bytes(10)) + DONE, OTHER),
    "no trailers": (SETTINGS + HEAD + data(bytes(5), frames.END_STREAM), OTHER),
    "a compressed message": (SETTINGS + HEAD + data(b"\1" + bytes(4)) + DONE, OTHER),
    "too large a message": (SETTINGS + HEAD + data(messages.prefix(20_000)) + DONE, OTHER),
    "not a HealthCheckResponse": (SETTINGS + whole(b"\xff"), OTHER),
    "a status of no protocol": (SETTINGS + whole(b"\x08\x63"), OTHER),
    "no such method": (SETTINGS + failed(Status.UNIMPLEMENTED), OTHER),
    "an error": (
        SETTINGS + failed(Status.UNAVAILABLE, "100 % busy"),
        "gRPC status 14 100 % busy",
    ),
    "an error without words": (
        SETTINGS + failed(Status.INTERNAL),
        "gRPC status 13",
    ),
    "an error after an answer": (
        SETTINGS + whole(SERVING).removesuffix(DONE) + failed(Status.INTERNAL),
        "gRPC status 13",
    ),
}


@pytest.mark.parametrize("what", NO_ANSWERS)
async def test_an_invalid_response_is_reported(what: str) -> None:
    content, why = NO_ANSWERS[what]
    async with says(content) as target:
        await refused(target, why)


MESSAGE = messages.prefix(2) + SERVING
ANSWERS = {
    "whole": whole(SERVING),
    "in pieces": HEAD + data(MESSAGE[:5]) + data(MESSAGE[5:]) + DONE,
    "with padding": HEAD + data(b"\3" + MESSAGE + bytes(3), frames.PADDED) + DONE,
    "with trailers in two frames": whole(SERVING).removesuffix(DONE)
    + frames.head(0, FrameKind.HEADERS, frames.END_STREAM, 1)
    + frames.head(len(messages.DONE), FrameKind.CONTINUATION, frames.END_HEADERS, 1)
    + messages.DONE,
    "after PING": frames.head(8, FrameKind.PING, 0, 0) + bytes(8) + whole(SERVING),
    "after the answers to our frames": frames.SETTINGS_ACK
    + frames.ping_ack(bytes(8))
    + frames.window_update(0, 1)
    + whole(SERVING),
    "after what is of another stream": frames.rst_stream(3, ErrorCode.CANCEL) + whole(SERVING),
    "after a graceful GOAWAY": goaway(2**31 - 1) + goaway(1) + whole(SERVING),
}


@pytest.mark.parametrize("what", ANSWERS)
async def test_a_response_is_read_for_any_split(what: str) -> None:
    async with says(SETTINGS + ANSWERS[what]) as target:
        assert await status(target, SERVICE, SOON) == "SERVING"


async def test_pings_and_settings_are_answered() -> None:
    """A server may wait for either before it goes on."""
    ping = bytes(range(8))
    asked = SETTINGS + frames.head(8, FrameKind.PING, 0, 0) + ping
    heard = frames.SETTINGS_ACK + frames.ping_ack(ping)
    async with says(asked, until=heard, then=whole(SERVING)) as target:
        assert await status(target, SERVICE, SOON) == "SERVING"


async def test_a_tls_server_is_distinguished_from_a_broken_one(tmp_path: Path) -> None:
    ours = Authority()
    for files in (write(tmp_path, ours.issue()), write(tmp_path, ours.issue(), ours.pem)):
        async with running(tls=files) as (_, target):
            with pytest.raises(
                NoResponseError, match=r"^the server expects TLS, not plain"
            ) as caught:
                await status(target, SERVICE, SOON)
            assert caught.value.failure is Failure.TLS_EXPECTED


async def test_tls_on_a_unix_socket(tmp_path: Path) -> None:
    files = write(tmp_path, Authority().issue())
    async with running(f"unix:{tmp_path}/s", tls=files) as (_, target):
        assert await status(target, SERVICE, SOON, unverified()) == "SERVING"
        await refused(target, "the server expects TLS, not plain text")
