"""The transport on grpc.aio: reflection, and the end of a drain."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.unit.transport.running import OPTIONS, SOON, exchange_headers, open_stream, running
from translator.transport.service import SERVICE


def served() -> list[asyncio.Task[Any]]:
    """The tasks that gRPC has for the calls of its servers."""
    return [task for task in asyncio.all_tasks() if "_schedule_rpc_coro" in repr(task)]


@pytest.fixture(autouse=True)
async def _in_time() -> AsyncIterator[None]:
    async with asyncio.timeout(SOON):
        yield


async def test_reflection_lists_the_services() -> None:
    async with running() as (_, target), grpc.aio.insecure_channel(target, OPTIONS) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        call = stub.ServerReflectionInfo(iter([request]))
        names = {service.name for service in (await call.read()).list_services_response.service}
    assert names == {
        SERVICE,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert SERVICE == "envoy.service.ext_proc.v3.ExternalProcessor"


async def test_a_drain_waits_for_the_streams_that_it_cuts() -> None:
    async with (
        running() as (transport, target),
        grpc.aio.insecure_channel(target, OPTIONS) as channel,
    ):
        calls = [open_stream(channel) for _ in range(10)]
        for call in calls:
            await exchange_headers(call)
        assert len(served()) == 10
        await transport.drain(0.05)
        assert not served(), "gRPC logs an error for each when the loop ends"
        for call in calls:
            assert await call.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
