"""grpc.health.v1 over a real socket: Check, List and Watch of each service, and a drain."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.unit.transport.running import (
    OPTIONS,
    SOON,
    Kind,
    Served,
    exchange_headers,
    open_stream,
    running,
)
from translator.transport.service import SERVICE

Response = health_pb2.HealthCheckResponse
LONG = 120.0  # a grace that no test waits for
SERVICES = ["", SERVICE]


class Client:
    """A client of one transport."""

    def __init__(self, transport: Served, channel: Any) -> None:
        self.transport = transport
        self.channel = channel
        self.stub = health_pb2_grpc.HealthStub(channel)

    async def check(self, service: str) -> Any:
        """One status."""
        return (await self.stub.Check(health_pb2.HealthCheckRequest(service=service))).status

    async def list(self) -> bytes:
        """All statuses, as they are on the wire."""
        return bytes(await self.channel.unary_unary("/grpc.health.v1.Health/List")(b""))

    def watch(self, service: str) -> Any:
        """A stream of statuses."""
        return self.stub.Watch(health_pb2.HealthCheckRequest(service=service))


@pytest.fixture
async def client(kind: Kind) -> AsyncIterator[Client]:
    async with (
        asyncio.timeout(SOON),
        running(kind=kind) as (transport, target),
        grpc.aio.insecure_channel(target, OPTIONS) as channel,
    ):
        yield Client(transport, channel)


def listed(status: int) -> list[bytes]:
    """What List may answer, by the protocol: map<string, HealthCheckResponse> statuses = 1."""
    entries = []
    for name in SERVICES:
        text = name.encode()
        entry = bytes([0x0A, len(text)]) + text + bytes([0x12, 2, 0x08, status])
        entries.append(bytes([0x0A, len(entry)]) + entry)
    return [entries[0] + entries[1], entries[1] + entries[0]]  # a map has no order


@pytest.mark.parametrize("service", SERVICES)
async def test_check(client: Client, service: str) -> None:
    assert await client.check(service) == Response.SERVING


async def test_check_of_a_service_that_is_not_ours(client: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.check("another.Service")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_list(client: Client) -> None:
    assert await client.list() in listed(Response.SERVING)


@pytest.mark.parametrize("service", SERVICES)
async def test_while_it_drains_nothing_is_serving(client: Client, service: str) -> None:
    call = open_stream(client.channel)
    await exchange_headers(call)
    watch = client.watch(service)
    assert (await watch.read()).status == Response.SERVING
    draining = asyncio.create_task(client.transport.drain(LONG))
    assert (await watch.read()).status == Response.NOT_SERVING
    assert await client.check(service) == Response.NOT_SERVING
    assert await client.list() in listed(Response.NOT_SERVING)
    assert (await client.watch(service).read()).status == Response.NOT_SERVING
    await call.done_writing()
    await draining


async def test_a_watcher_that_disconnects_does_not_affect_others(client: Client) -> None:
    call = open_stream(client.channel)
    await exchange_headers(call)
    leaving, staying = client.watch(SERVICE), client.watch(SERVICE)
    for watch in (leaving, staying):
        assert (await watch.read()).status == Response.SERVING
    leaving.cancel()
    # The server has seen it when it has answered another, on the same connection, later.
    assert await client.check(SERVICE) == Response.SERVING
    draining = asyncio.create_task(client.transport.drain(LONG))
    assert (await staying.read()).status == Response.NOT_SERVING
    await call.done_writing()
    await draining


async def test_watch_of_a_service_that_is_not_ours_stays_open(client: Client) -> None:
    watch = client.watch("another.Service")
    assert (await watch.read()).status == Response.SERVICE_UNKNOWN
    other = client.watch(SERVICE)
    assert (await other.read()).status == Response.SERVING
    call = open_stream(client.channel)
    await exchange_headers(call)
    draining = asyncio.create_task(client.transport.drain(LONG))
    assert (await other.read()).status == Response.NOT_SERVING
    assert not watch.done()
    await call.done_writing()
    await draining
