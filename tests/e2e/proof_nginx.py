"""Real nginx, with its defaults, in front of the gateway."""

import json
import os
import shutil
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway, send
from tests.e2e.upstream import Gate, Upstream

PATH = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
CONFIGURATION = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass {gateway}; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def port(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where nginx listens."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "it takes Debian's package nginx: apt-get install nginx"
    folder, port = tmp_path_factory.mktemp("nginx"), stack.free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port, gateway=gateway.url))
    argv = [program, "-p", str(folder), "-c", str(configuration)]
    with stack.Server("nginx", argv, log=folder / "nginx.log", ready=lambda: stack.accepts(port)):
        yield port


def ask(connection: HTTPConnection, **fields: Any) -> HTTPResponse:
    """The beginning of a response."""
    headers = {"content-type": "application/json"}
    connection.request("POST", PATH, json.dumps({**HELLO, **fields}), headers)
    return connection.getresponse()


def test_a_response(port: int, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hi"))
    reply = send(port, "POST", PATH, json.dumps(HELLO).encode(), content_type="application/json")
    assert reply.status == 200
    assert reply.headers["server"].startswith("nginx")
    assert reply.json["choices"][0]["message"]["content"] == "Hi"


def test_a_stream_comes_event_by_event(port: int, upstream: Upstream) -> None:
    gate = Gate()
    upstream.stream(oip.answer("first"), gate, oip.answer("second"))
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    response = ask(connection, stream=True)
    first = response.readline()
    gate.set()
    rest = response.read()
    connection.close()
    assert response.status == 200
    assert b"first" in first
    assert b"second" in rest
    assert rest.endswith(b"data: [DONE]\n\n")


def test_a_refused_request(port: int, upstream: Upstream) -> None:
    body = json.dumps({**HELLO, "n": 0}).encode()
    reply = send(port, "POST", PATH, body, content_type="application/json")
    assert (reply.status, reply.error["param"]) == (400, "n")
    assert upstream.received == []
