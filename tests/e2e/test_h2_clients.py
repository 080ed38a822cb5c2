"""The lean transport as a process: good and bad clients of several kinds, an end under load."""

import asyncio
import json
import re
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Upstream
from tests.unit import envoy
from tests.unit.transport.h2.library import CHECK, PROCESS, connected, raw
from tests.unit.transport.h2.wire import PREFACE, headers, ping, rst_stream, settings, wire
from tests.unit.transport.h2.wire import block as header_block
from tests.unit.transport.running import OPTIONS, SOON, exchange_headers, open_stream

MESSAGES = (
    envoy.request_headers(),
    envoy.request_body(b'{"model": "m", "messages": [{"role": "user", "content": "Hello"}]}'),
    envoy.response_headers(),
    envoy.response_body(json.dumps(oip.answer("Hi")).encode()),
)
CONCURRENT = 50
FEW = 300  # exchanges before the end is asked for


async def served(channel: "grpc.aio.Channel") -> bool:
    """Make an exchange. It is served as a whole, or refused before it has begun."""
    call = channel.stream_stream(PROCESS)()
    replies = 0
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        for request in MESSAGES:
            await call.write(request.SerializeToString())
            assert isinstance(await call.read(), bytes)
            replies += 1
        await call.done_writing()
    if await call.code() is grpc.StatusCode.OK:
        assert replies == len(MESSAGES)
        return True
    assert replies == 0, "it was cut"
    # Where a call is refused as it is written to, grpc.aio forgets with what status.
    forgotten = (await call.details()).startswith("Internal error from Core")
    assert await call.code() is grpc.StatusCode.UNAVAILABLE or forgotten
    return False


async def test_nothing_is_lost_as_it_ends_under_load(tmp_path: Path) -> None:
    port = stack.free_port()
    ended: Counter[bool] = Counter()

    async def keep_asking(channel: "grpc.aio.Channel") -> None:
        while not ended[False]:
            ended[await served(channel)] += 1

    with stack.translator(port, tmp_path, "--transport=h2", "--log-level=WARNING") as serving:
        async with (
            asyncio.timeout(SOON),
            grpc.aio.insecure_channel(f"127.0.0.1:{port}", OPTIONS) as channel,
        ):
            asking = [asyncio.create_task(keep_asking(channel)) for _ in range(CONCURRENT)]
            while ended[True] < FEW:
                await asyncio.sleep(0)
                assert not any(task.done() for task in asking)
            serving.send(signal.SIGTERM)
            await asyncio.gather(*asking)
        assert await asyncio.to_thread(serving.wait, 10) == 0
    assert ended[True] >= FEW
    assert not serving.log.read_text()


async def test_others_are_served_while_one_floods(tmp_path: Path) -> None:
    port = stack.free_port()
    target = f"127.0.0.1:{port}"
    call = header_block(
        (":method", "POST"),
        (":scheme", "http"),
        (":path", PROCESS),
        (":authority", "translator"),
        ("content-type", "application/grpc"),
    )
    greeting = PREFACE + wire(settings())
    resets = (wire(headers(stream, call), rst_stream(stream, 8)) for stream in range(1, 30_000, 2))
    floods = [
        greeting + b"".join(resets),
        greeting + wire(ping()) * 10_000,
        b"GET / HTTP/1.1\r\n\r\n",
    ]
    loop = asyncio.get_running_loop()

    async def flood(said: bytes) -> bytes:
        answer = b""
        async with raw(target) as sock:
            await loop.sock_sendall(sock, said)
            while piece := await loop.sock_recv(sock, 2**16):
                answer += piece
        return answer

    with stack.translator(port, tmp_path, "--transport=h2") as serving:
        async with (
            asyncio.timeout(SOON),
            grpc.aio.insecure_channel(target, OPTIONS) as channel,
            connected(target) as client,
        ):
            stream = open_stream(channel)
            await exchange_headers(stream)
            flooding = asyncio.gather(*(flood(said) for said in floods * 3))
            for _ in range(10):
                assert await served(channel)
                assert (await client.call(CHECK)).status == (0, "")
            answers = await flooding
            await stream.done_writing()
            assert await stream.code() is grpc.StatusCode.OK
        assert all(b"too many" in a or b"not HTTP/2" in a for a in answers)
    log = serving.log.read_text()
    assert log.count("a connection is closed") == len(answers)
    assert "Traceback" not in log


def libraries(process: int) -> str:
    """What a process has loaded."""
    return Path(f"/proc/{process}/maps").read_text()


@pytest.mark.parametrize("transport", ["auto", "h2", "grpcio"])
async def test_a_process_on_loopback_has_the_lean_one_unless_told(
    transport: str, tmp_path: Path
) -> None:
    port = stack.free_port()
    with stack.translator(port, tmp_path, f"--transport={transport}") as serving:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", OPTIONS) as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest()
            )
        loaded = libraries(serving.pid)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert ("cygrpc" in loaded) == (transport == "grpcio")


@pytest.mark.parametrize("transport", ["h2", "grpcio"])
def test_envoy_and_each_of_them(upstream: Upstream, tmp_path: Path, transport: str) -> None:
    options = [f"--transport={transport}"]
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=options) as parts:
        gateway = Gateway(*parts)
        text = "x" * 12_000_000
        upstream.answer(oip.answer(text))
        reply = gateway.post(
            "/v1/chat/completions",
            {"model": "chat", "messages": [{"role": "user", "content": text}]},
        )
        assert reply.status == 200
        assert reply.json["choices"][0]["message"]["content"] == text
        stats = gateway.get_admin("/stats?filter=oip_translator.*protocol_error").body.decode()
    assert set(re.findall(r"protocol_error: (\d+)", stats)) == {"0"}, stats
