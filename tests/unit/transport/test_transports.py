"""Each transport and a real gRPC client, over TCP and over a unix socket."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests import oip
from tests.unit import envoy
from tests.unit.events import event
from tests.unit.transport.running import OPTIONS, SOON, Kind, Served, open_stream
from translator.extproc._proto.external_processor_pb2 import ProcessingRequest, ProcessingResponse
from translator.extproc.session import Session
from translator.serving.sessions import Sessions
from translator.settings.current import CurrentSettings
from translator.transport.errors import ListenError
from translator.transport.service import SERVICE

ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
UNARY = json.dumps(ASK).encode()
STREAMED = json.dumps({**ASK, "stream": True}).encode()
ANSWER = json.dumps(oip.answer("Hi")).encode()
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SAID = "what a client said"
LONG = 120.0  # a grace that no test waits for


class Envoy:
    """A client of one server, and the transport behind it."""

    def __init__(self, transport: Served, channel: Any) -> None:
        self.transport = transport
        self.channel = channel
        self.health = health_pb2_grpc.HealthStub(channel)
        self._process = channel.stream_stream(f"/{SERVICE}/Process")

    def open(self) -> Any:
        """A new stream of raw messages."""
        return self._process()


async def ask(call: Any, request: ProcessingRequest) -> ProcessingResponse:
    """Send one message on a stream and read its one reply."""
    await call.write(request.SerializeToString())
    return ProcessingResponse.FromString(await call.read())


@asynccontextmanager
async def connected(address: str, kind: Kind) -> AsyncIterator[Envoy]:
    transport = kind(lambda _: Session())
    port = await transport.start(address)
    target = address if address.startswith("unix:") else f"127.0.0.1:{port}"
    options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(target, options) as channel:
        yield Envoy(transport, channel)
    await transport.drain(LONG)


@pytest.fixture(params=["tcp", "unix"])
async def client(
    request: pytest.FixtureRequest, tmp_path: Path, kind: Kind
) -> AsyncIterator[Envoy]:
    address = "127.0.0.1:0" if request.param == "tcp" else f"unix:{tmp_path}/s"
    async with asyncio.timeout(SOON), connected(address, kind) as opened:
        yield opened


@pytest.fixture
async def tcp(kind: Kind) -> AsyncIterator[Envoy]:
    async with asyncio.timeout(SOON), connected("127.0.0.1:0", kind) as opened:
        yield opened


async def test_an_exchange(client: Envoy) -> None:
    call = client.open()
    assert (await ask(call, envoy.request_headers())).WhichOneof("response") == "request_headers"
    request = (await ask(call, envoy.request_body(UNARY))).request_body.response
    assert envoy.set_headers(request.header_mutation)[":path"] == "/v2/models/m/infer"
    await ask(call, envoy.response_headers())
    answer = (await ask(call, envoy.response_body(ANSWER))).response_body.response
    assert b'"content":"Hi"' in answer.body_mutation.body
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_trailers_of_a_stream_get_two_replies(tcp: Envoy) -> None:
    call = tcp.open()
    await ask(call, envoy.request_headers())
    await ask(call, envoy.request_body(STREAMED))
    await ask(call, envoy.response_headers(envoy.EVENTS_OVER_HTTP2))
    await ask(call, envoy.response_body(b"data: %b\n\n" % ANSWER, end_of_stream=False))
    last = (await ask(call, envoy.response_trailers())).response_body.response.body_mutation
    assert last.streamed_response.body.endswith(b"data: [DONE]\n\n")
    reply = ProcessingResponse.FromString(await call.read())
    assert reply.WhichOneof("response") == "response_trailers"
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


async def test_streams_do_not_share_a_session(client: Envoy) -> None:
    first, second = client.open(), client.open()
    await ask(first, envoy.request_headers())
    await ask(second, envoy.request_headers({":method": "GET", ":path": "/"}))
    assert (await ask(first, envoy.request_body(UNARY))).request_body.response.clear_route_cache
    reply = await ask(second, envoy.request_body(UNARY))
    assert not reply.request_body.response.clear_route_cache
    for call in (first, second):
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.OK


async def test_a_message_of_12_mib_passes_both_ways(client: Envoy) -> None:
    call = client.open()
    text = "x" * (12 * 1024 * 1024)
    await ask(call, envoy.request_headers({**envoy.POST_CHAT, ":path": "/v1/embeddings"}))
    body = json.dumps({"model": "m", "input": text}).encode()
    reply = await ask(call, envoy.request_body(body))
    tensor = json.loads(reply.request_body.response.body_mutation.body)["inputs"][0]
    assert tensor["data"] == [text]
    await call.done_writing()
    assert await call.code() is grpc.StatusCode.OK


@pytest.mark.parametrize("service", ["", SERVICE])
async def test_health_is_serving(client: Envoy, service: str) -> None:
    request = health_pb2.HealthCheckRequest(service=service)
    assert (await client.health.Check(request)).status == SERVING


@pytest.mark.parametrize("service", ["", SERVICE])
async def test_a_watch_reports_the_drain(tcp: Envoy, service: str) -> None:
    watch = tcp.health.Watch(health_pb2.HealthCheckRequest(service=service))
    assert (await watch.read()).status == SERVING
    stream = tcp.open()
    await ask(stream, envoy.request_headers())
    draining = asyncio.create_task(tcp.transport.drain(LONG))
    assert (await watch.read()).status == NOT_SERVING
    await stream.done_writing()
    await draining


async def test_a_drain_waits_for_an_open_stream(tcp: Envoy) -> None:
    # An open Watch, which never ends by itself, must not hold the drain up.
    watch = tcp.health.Watch(health_pb2.HealthCheckRequest())
    assert (await watch.read()).status == SERVING
    call = tcp.open()
    await ask(call, envoy.request_headers())
    draining = asyncio.create_task(tcp.transport.drain(LONG))
    assert (await watch.read()).status == NOT_SERVING
    await ask(call, envoy.request_body(UNARY))
    await ask(call, envoy.response_headers())
    assert not draining.done()
    await ask(call, envoy.response_body(ANSWER))
    await call.done_writing()
    assert await call.code() is grpc.StatusCode.OK
    await draining


async def test_a_drain_refuses_new_streams(tcp: Envoy) -> None:
    watch = tcp.health.Watch(health_pb2.HealthCheckRequest())
    await watch.read()
    old = tcp.open()
    await ask(old, envoy.request_headers())
    draining = asyncio.create_task(tcp.transport.drain(LONG))
    assert (await watch.read()).status == NOT_SERVING
    # Its headers are enough. Writing as it is refused, grpc.aio would forget with what status.
    assert await tcp.open().code() is grpc.StatusCode.UNAVAILABLE
    await old.done_writing()
    await draining


async def test_a_large_chunk_gets_one_reply_after_several_steps(tcp: Envoy) -> None:
    call = tcp.open()
    await ask(call, envoy.request_headers())
    body = json.dumps({**json.loads(UNARY), "stream": True}).encode()
    await ask(call, envoy.request_body(body))
    await ask(call, envoy.response_headers(envoy.EVENTS))
    events = event(oip.answer("word")) * 1000
    reply = await ask(call, envoy.response_body(events, end_of_stream=False))
    assert reply.response_body.response.body_mutation.body.count(b'"word"') == 1000
    reply = await ask(call, envoy.response_body(b""))
    assert reply.response_body.response.body_mutation.body.endswith(b"data: [DONE]\n\n")
    await call.done_writing()


async def test_a_drain_waits_for_the_last_of_several_streams(tcp: Envoy) -> None:
    calls = [tcp.open() for _ in range(3)]
    for call in calls:
        await ask(call, envoy.request_headers())
    draining = asyncio.create_task(tcp.transport.drain(LONG))
    for call in calls:
        assert not draining.done()
        await ask(call, envoy.request_body(UNARY))
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.OK
    await draining


async def test_a_retirement_refuses_new_streams_and_waits_for_open_ones(tcp: Envoy) -> None:
    await tcp.health.Check(health_pb2.HealthCheckRequest())
    call = tcp.open()
    await ask(call, envoy.request_headers())
    retiring = asyncio.create_task(tcp.transport.retire())
    while (await tcp.health.Check(health_pb2.HealthCheckRequest())).status != NOT_SERVING:
        pass
    assert await tcp.open().code() is grpc.StatusCode.UNAVAILABLE
    assert not retiring.done()
    await ask(call, envoy.request_body(UNARY))
    await call.done_writing()
    assert await call.code() is grpc.StatusCode.OK
    await retiring


async def test_a_connection_cannot_use_up_the_exchanges_of_others(kind: Kind) -> None:
    sessions = Sessions(CurrentSettings({"max_exchanges": "4"}, {}, None))
    transport = kind(sessions.new)
    target = f"127.0.0.1:{await transport.start('127.0.0.1:0')}"
    calls = []

    async def is_accepted(channel: Any) -> bool:
        calls.append(call := open_stream(channel))
        if (await ask(call, envoy.request_headers())).HasField("immediate_response"):
            return False
        assert (await ask(call, envoy.request_body(UNARY))).HasField("request_body")
        return True

    async with (
        asyncio.timeout(SOON),
        grpc.aio.insecure_channel(target, OPTIONS) as greedy,
        grpc.aio.insecure_channel(target, OPTIONS) as other,
    ):
        assert [await is_accepted(greedy) for _ in range(6)] == [True] * 4 + [False] * 2
        assert [await is_accepted(other) for _ in range(3)] == [True] * 2 + [False]
        assert not await is_accepted(greedy)
    await transport.drain(LONG)
    assert sessions.open == 0


async def test_a_drain_with_nothing_open_ends_at_once(tcp: Envoy) -> None:
    await tcp.transport.drain(LONG)


async def test_a_drain_cuts_a_stream_that_outlives_the_grace(tcp: Envoy) -> None:
    call = tcp.open()
    await ask(call, envoy.request_headers())
    await tcp.transport.drain(0.05)
    assert await call.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)


async def test_a_drain_does_not_wait_for_disconnected_clients(
    tcp: Envoy, caplog: pytest.LogCaptureFixture
) -> None:
    call = tcp.open()
    await ask(call, envoy.request_headers())
    call.cancel()
    await tcp.transport.drain(LONG)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_port_in_use_is_an_error(kind: Kind) -> None:
    async with AsyncExitStack() as stack:
        first = kind(lambda _: Session())
        stack.push_async_callback(first.drain, LONG)
        address = f"127.0.0.1:{await first.start('127.0.0.1:0')}"
        second = kind(lambda _: Session())
        with pytest.raises(ListenError, match=f"cannot listen on {address}: it is in use"):
            await second.start(address)


@pytest.mark.parametrize("address", ["unix:/nowhere/at/all", "127.0.0.1:http:1"])
async def test_an_address_that_does_not_exist_is_an_error(address: str, kind: Kind) -> None:
    with pytest.raises(ListenError, match="cannot listen on"):
        await kind(lambda _: Session()).start(address)


@pytest.mark.parametrize("message", [b"\xff\xff\xff", b"", b"\x7a\x00"])
async def test_what_is_not_a_processing_request_is_an_invalid_argument(
    tcp: Envoy, message: bytes
) -> None:
    call = tcp.open()
    await call.write(message)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "not a ProcessingRequest"


async def test_internal_errors_are_not_disclosed(
    tcp: Envoy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_session: Session, _message: bytes) -> bytes:
        raise KeyError(SAID)

    monkeypatch.setattr(Session, "respond", fail)
    call = tcp.open()
    await call.write(envoy.request_headers().SerializeToString())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert caught.value.details() == "internal error"


async def test_many_exchanges_at_once(client: Envoy) -> None:
    async def exchange() -> None:
        call = client.open()
        await ask(call, envoy.request_headers())
        await ask(call, envoy.request_body(UNARY))
        await ask(call, envoy.response_headers())
        answer = (await ask(call, envoy.response_body(ANSWER))).response_body.response
        assert b'"content":"Hi"' in answer.body_mutation.body
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.OK

    await asyncio.gather(*(exchange() for _ in range(200)))


@pytest.mark.parametrize("grace", [0, 0.05])
async def test_streams_that_a_drain_cuts_get_a_status(tcp: Envoy, grace: float) -> None:
    calls = [tcp.open() for _ in range(10)]
    for call in calls:
        await ask(call, envoy.request_headers())
    await tcp.transport.drain(grace)
    for call in calls:
        assert await call.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)


async def test_an_unknown_method_is_unimplemented(client: Envoy) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.channel.unary_unary(f"/{SERVICE}/Other")(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
