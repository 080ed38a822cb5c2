"""Clients that never end their requests, or fill Envoy's memory, do not stop the others."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway
from tests.e2e.uploads import PATH, Http1Upload, Http2Upload, Upload
from tests.e2e.upstream import Gate, Upstream

MIB = 1024 * 1024
HELLO = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
PRESSURE = "overload.envoy.resource_monitors.fixed_heap.pressure"
SHED = "overload.envoy.load_shed_points.http1_server_abort_dispatch.shed_load_count"
RESET = "envoy.overload_actions.reset_high_memory_stream.count"
BOTH = pytest.mark.parametrize("kind", [Http1Upload, Http2Upload])


@contextmanager
def changed(
    folder: Path, upstream: Upstream, *, heap: int | None = None, request_timeout: str | None = None
) -> Iterator[Gateway]:
    """envoy/gateway.yaml with a smaller heap, or less time for a request."""
    port, admin, worker = stack.free_port(), stack.free_port(), stack.free_port()
    config = stack.gateway_config(
        port=port, admin=admin, http=upstream.port, grpc=upstream.port, translators=[worker]
    )
    if heap is not None:
        (monitor,) = config["overload_manager"]["resource_monitors"]
        monitor["typed_config"]["max_heap_size_bytes"] = heap
    if request_timeout is not None:
        (listener,) = config["static_resources"]["listeners"]
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager["request_timeout"] = request_timeout
    with stack.translator(worker, folder) as serving, stack.envoy(config, folder) as proxy:
        yield Gateway(port, admin, worker, proxy, serving)


def stats(gateway: Gateway) -> dict[str, int]:
    """What the overload manager has seen and done."""
    names = f"^({PRESSURE}|{SHED}|{RESET})$"
    found = gateway.get_admin(f"/stats?format=json&filter={quote(names)}").json["stats"]
    return {stat["name"]: stat["value"] for stat in found}


def memory(gateway: Gateway) -> int:
    """The bytes of Envoy's process."""
    pages = Path(f"/proc/{gateway.envoy.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def wait_until_seen(gateway: Gateway, percent: int) -> None:
    """Wait until the overload manager has seen that much of the heap, or has acted."""
    deadline = time.monotonic() + 30
    while (seen := stats(gateway))[PRESSURE] < percent and not seen[SHED] + seen.get(RESET, 0):
        assert time.monotonic() < deadline, seen


@BOTH
def test_uploads_that_stall_cannot_use_up_the_memory(
    upstream: Upstream, tmp_path: Path, kind: type[Upload]
) -> None:
    heap, count, size, piece = 192 * MIB, 10, 48 * MIB, 2 * MIB
    limit = 2 * heap  # of the container
    assert count * size > limit
    with changed(tmp_path, upstream, heap=heap) as gateway, ExitStack() as opened:
        uploads = {opened.enter_context(kind(gateway.port, size + 1)) for _ in range(count)}
        ended: set[Upload] = set()
        for sent in range(piece, size + 1, piece):
            ended |= {upload for upload in uploads - ended if not upload.send(bytes(piece))}
            wait_until_seen(gateway, min(sent * count * 100 // heap, 60))
            assert memory(gateway) < limit
            upstream.reset()
            upstream.answer(oip.answer("Hi"))
            reply = gateway.post(PATH, HELLO)
            if reply.status != 200:  # at the peak, with HTTP/1
                assert (reply.status, reply.error["code"]) == (503, "overloaded")
        assert ended, "nothing was refused"
        for upload in ended:
            received = upload.end()
            if received:
                assert b"503" in received.partition(b"\r\n")[0]
                error = json.loads(received.partition(b"\r\n\r\n")[2])["error"]
                assert error["code"] == "overloaded"
        opened.close()
        upstream.reset()
        upstream.answer(oip.answer("Hi"))
        deadline = time.monotonic() + 30
        while (reply := gateway.post(PATH, HELLO)).status == 503 and time.monotonic() < deadline:
            assert reply.error["code"] == "overloaded"
    assert reply.status == 200


@BOTH
def test_a_request_that_does_not_end_is_408(
    upstream: Upstream, tmp_path: Path, kind: type[Upload]
) -> None:
    gate = Gate()
    upstream.stream(oip.answer("Hel"), gate, oip.answer("lo"))
    streamed = json.dumps({**HELLO, "stream": True}).encode()
    with (
        changed(tmp_path, upstream, request_timeout="0.5s") as gateway,
        Http1Upload(gateway.port, len(streamed)) as stream,
    ):
        stream.send(streamed)
        with kind(gateway.port, 100) as upload:
            upload.send(b'{"model"')
            received = upload.end()
        assert b"408" in received.partition(b"\r\n")[0]
        error = json.loads(received.partition(b"\r\n\r\n")[2])["error"]
        assert (error["type"], error["code"]) == ("invalid_request_error", "request_timeout")
        # The response to a request that has arrived may take longer.
        gate.set()
        assert b"[DONE]" in stream.end()


def test_a_connection_has_at_most_100_streams(gateway: Gateway) -> None:
    with Http2Upload(gateway.port, 2) as upload:
        upload.send(b"{}")
        upload.end()
        assert upload.most_streams == 100


def test_a_large_body_over_http2(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hi"))
    message = {"role": "user", "content": "x" * 40 * MIB}
    body = json.dumps({**HELLO, "messages": [message]}).encode()
    with Http2Upload(gateway.port, len(body)) as upload:
        upload.send(body)
        assert upload.end().startswith(b"200")
