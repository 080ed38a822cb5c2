"""Clients of HTTP/1.0, such as nginx with its defaults: the connection's end ends a response."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from typing import Any

from tests import oip
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Gate, Upstream

HELLO: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}


@contextmanager
def posted(gateway: Gateway, body: Any, *headers: str) -> Iterator[BufferedReader]:
    """What comes back on a connection on which one request was sent."""
    data = json.dumps(body).encode()
    sized = (*headers, "Content-Type: application/json", f"Content-Length: {len(data)}")
    lines = ("POST /v1/chat/completions HTTP/1.0", *sized, "", "")
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as wire:
        wire.sendall("\r\n".join(lines).encode() + data)
        with wire.makefile("rb") as reader:
            yield reader


def head(reader: BufferedReader) -> tuple[int, dict[str, str]]:
    """The status and the headers."""
    version, status, _ = reader.readline().decode().split(" ", 2)
    assert version == "HTTP/1.0"
    lines = [line.decode().strip() for line in iter(reader.readline, b"\r\n")]
    return int(status), dict(line.split(": ", 1) for line in lines)


def test_a_response(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hi"))
    with posted(gateway, HELLO, "Host: x") as reader:
        status, headers = head(reader)
        body = reader.read()
    assert (status, headers["connection"]) == (200, "close")
    assert int(headers["content-length"]) == len(body)
    assert json.loads(body)["choices"][0]["message"]["content"] == "Hi"


def test_a_stream(gateway: Gateway, upstream: Upstream) -> None:
    """Event by event, and not in chunks, which HTTP/1.0 does not have."""
    gate = Gate()
    upstream.stream(oip.answer("first"), gate, oip.answer("second"))
    with posted(gateway, {**HELLO, "stream": True}, "Host: x") as reader:
        status, headers = head(reader)
        first = reader.readline()
        gate.set()
        rest = reader.read()
    assert (status, headers["connection"]) == (200, "close")
    assert not {"transfer-encoding", "content-length"} & set(headers)
    assert first.startswith(b"data: {")
    assert b"first" in first
    assert b"second" in rest
    assert rest.endswith(b"\n\ndata: [DONE]\n\n")


def test_a_refusal_without_a_host(gateway: Gateway, upstream: Upstream) -> None:
    with posted(gateway, {**HELLO, "n": 0}) as reader:
        status, _ = head(reader)
        assert (status, json.loads(reader.read())["error"]["param"]) == (400, "n")
    assert upstream.received == []
