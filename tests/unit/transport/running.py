"""A transport that runs on an address of its own, and a client's ways to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.unit import envoy
from translator.extproc.session import Session
from translator.transport.grpcio import GrpcTransport
from translator.transport.h2.server import H2Transport
from translator.transport.service import SERVICE

# A connection of its own for each channel.
OPTIONS = (("grpc.use_local_subchannel_pool", 1),)
GRACE = 0.05  # at the end of a test nothing is waited for
SOON = 20.0  # what a promptly ending thing may take on a busy machine

Served = GrpcTransport | H2Transport
Kind = type[GrpcTransport] | type[H2Transport]


@asynccontextmanager
async def running(
    address: str = "127.0.0.1:0", kind: Kind = GrpcTransport, **options: Any
) -> AsyncIterator[tuple[Served, str]]:
    """A transport of a kind, started with ``options``, and the target for its clients."""
    transport = kind(lambda _: Session())
    port = await transport.start(address, **options)
    try:
        yield transport, address if address.startswith("unix:") else f"127.0.0.1:{port}"
    finally:
        await transport.drain(GRACE)


def open_stream(channel: Any) -> Any:
    """A new stream of raw messages."""
    return channel.stream_stream(f"/{SERVICE}/Process")()


async def exchange_headers(call: Any) -> None:
    """Send request headers on a stream; they must be answered."""
    await call.write(envoy.request_headers().SerializeToString())
    assert isinstance(await call.read(), bytes)


async def exchange_body(call: Any) -> None:
    """Send a request body after its headers; it must be answered."""
    await call.write(envoy.request_body(b'{"model": "m", "messages": []}').SerializeToString())
    assert isinstance(await call.read(), bytes)
