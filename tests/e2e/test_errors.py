"""Whatever goes wrong, the client gets an OpenAI error object with the right status."""

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway, Reply
from tests.e2e.upstream import Gate, Upstream
from translator.exchange.headers import PASSED_TO_CLIENT

PATH = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}

BAD_BODIES = {
    "nothing": (b"", None),
    "malformed JSON": (b'{"model": "chat",', None),
    "not UTF-8": (b'{"model": "chat", "user": "\xff"}', None),
    "an array": (b"[]", None),
    "null": (b"null", None),
    "nested too deeply": (b'{"model": "chat", "user": ' + b"[" * 100_000 + b"}", None),
    "no model": (b'{"messages": [{"role": "user", "content": "Hi"}]}', None),
    "no messages": (b'{"model": "chat"}', "messages"),
    "empty messages": (b'{"model": "chat", "messages": []}', "messages"),
    "messages of a wrong type": (b'{"model": "chat", "messages": "Hi"}', "messages"),
    "a temperature out of range": (
        b'{"model": "chat", "messages": [{"role": "user"}], "temperature": 2.5}',
        "temperature",
    ),
    "options of a stream and no stream": (
        b'{"model": "chat", "messages": [{"role": "user"}], "stream_options": {}}',
        "stream_options",
    ),
    "an unknown role": (
        b'{"model": "chat", "messages": [{"role": "robot", "content": "Hi"}]}',
        "messages[0].role",
    ),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_400_and_nothing_is_sent(
    gateway: Gateway, upstream: Upstream, name: str
) -> None:
    body, param = BAD_BODIES[name]
    reply = gateway.post(PATH, body)
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"]
    assert reply.error["type"] == "invalid_request_error"
    assert reply.error["param"] == param
    assert upstream.received == []


def send_bytes(gateway: Gateway, head: bytes) -> Reply:
    """What Envoy answers to bytes that no HTTP client sends."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as wire:
        wire.sendall(head)
        response = http.client.HTTPResponse(wire)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read())


LINE = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
REFUSED_BY_ENVOY = {
    "a fragment": (b"POST /v1/chat/completions#x HTTP/1.1\r\nhost: x\r\n\r\n", 400, "bad_request"),
    "a null byte": (b"POST /v1/chat%00/x HTTP/1.1\r\nhost: x\r\n\r\n", 400, "bad_request"),
    "no host": (b"POST /v1/chat/completions HTTP/1.1\r\n\r\n", 400, "bad_request"),
    "not HTTP": (b"garbage\r\n\r\n", 400, "bad_request"),
    "large headers": (
        LINE + b"x: " + b"x" * 70_000 + b"\r\n\r\n",
        431,
        "request_headers_too_large",
    ),
    "a websocket": (
        LINE + b"connection: upgrade\r\nupgrade: websocket\r\n\r\n",
        403,
        "upgrade_not_supported",
    ),
}


@pytest.mark.parametrize("name", REFUSED_BY_ENVOY)
def test_what_envoy_refuses_by_itself_is_an_openai_error(
    gateway: Gateway, upstream: Upstream, name: str
) -> None:
    head, status, code = REFUSED_BY_ENVOY[name]
    reply = send_bytes(gateway, head)
    assert (reply.status, reply.error["code"]) == (status, code)
    assert reply.error["type"] == "invalid_request_error"
    assert reply.headers["content-type"] == "application/json"
    assert upstream.received == []


def post_with_trailers(gateway: Gateway, body: bytes) -> Reply:
    """What a request over HTTP/2 gets that ends with trailers."""
    connection = H2Connection()
    connection.initiate_connection()
    head = [(":method", "POST"), (":path", PATH), (":authority", "x"), (":scheme", "http")]
    connection.send_headers(1, [*head, ("content-type", "application/json")])
    if body:
        connection.send_data(1, body)
    connection.send_headers(1, [("x-trailer", "1")], end_stream=True)
    response, status = b"", ""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as wire:
        ended = False
        while not ended:
            wire.sendall(connection.data_to_send())
            for event in connection.receive_data(wire.recv(65536)):
                if isinstance(event, ResponseReceived):
                    status = dict(event.headers)[b":status"].decode()
                elif isinstance(event, DataReceived):
                    response += event.data
                ended = ended or isinstance(event, StreamEnded)
    return Reply(int(status), {}, response)


def test_trailers_instead_of_a_body_are_400(gateway: Gateway, upstream: Upstream) -> None:
    reply = post_with_trailers(gateway, b"")
    assert (reply.status, reply.error["type"]) == (400, "invalid_request_error")
    assert upstream.received == []


def test_trailers_after_a_body_change_nothing(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hi"))
    assert post_with_trailers(gateway, json.dumps(HELLO).encode()).status == 200
    (received,) = upstream.received
    assert received.json["inputs"]
    assert not {"transfer-encoding", "x-trailer"} & set(received.headers)


def test_a_model_that_is_not_the_urls_is_400(gateway: Gateway, upstream: Upstream) -> None:
    reply = gateway.post("/v2/models/other/infer/chat/completions", HELLO)
    assert (reply.status, reply.error["param"]) == (400, "model")
    assert upstream.received == []


@pytest.mark.parametrize("model", ["a\nb", "m" * 100_000])
def test_a_model_name_that_cannot_be_is_404(
    gateway: Gateway, upstream: Upstream, model: str
) -> None:
    reply = gateway.post(PATH, {**HELLO, "model": model})
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")
    assert upstream.received == []


@pytest.mark.parametrize(
    ("path", "model"),
    [
        (PATH, ".."),
        (PATH, "a/../b"),
        (PATH, "chat/versions/1"),
        ("/v2/models/chat%2Fversions%2F1/infer/chat/completions", "chat/versions/1"),
        ("/openai/deployments/..%2Fx/chat/completions", "x"),
    ],
)
def test_a_model_name_that_changes_the_path_is_400(
    gateway: Gateway, upstream: Upstream, path: str, model: str
) -> None:
    reply = gateway.post(path, {**HELLO, "model": model})
    assert (reply.status, reply.error["param"]) == (400, "model")
    assert upstream.received == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/no/such/thing", 404),
        ("GET", "/v1/no/such/thing", 404),
        ("POST", "/v1", 404),
        ("POST", "/v1/", 404),
        ("POST", "//v1//nothing", 404),
        ("POST", "/v2/models/chat/infer/no/such/thing", 404),
        ("GET", "/v1/chat/completions", 405),
        ("PUT", "/v1/embeddings", 405),
        ("DELETE", "/v2/models/chat/infer/chat/completions", 405),
    ],
)
def test_an_unknown_operation_or_method_is_refused(
    gateway: Gateway, upstream: Upstream, method: str, path: str, status: int
) -> None:
    body = b"{}" if method in ("POST", "PUT") else None
    reply = gateway.request(method, path, body, content_type="application/json")
    assert reply.status == status
    assert reply.error["type"] == "invalid_request_error"
    assert upstream.received == []


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x"])
def test_a_wrong_content_type_is_415(gateway: Gateway, upstream: Upstream, kind: str) -> None:
    reply = gateway.post(PATH, HELLO, content_type=kind)
    assert reply.status == 415
    assert kind.partition(";")[0] in reply.error["message"]
    assert upstream.received == []


def test_a_chunked_body_over_envoys_buffer_is_413(gateway: Gateway, upstream: Upstream) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    chunks = (b"x" * 1024 * 1024 for _ in range(70))
    head = {"content-type": "application/json", "transfer-encoding": "chunked"}
    with suppress(BrokenPipeError, ConnectionResetError):  # the answer may come before its end
        connection.request("POST", PATH, chunks, head, encode_chunked=True)
    response = connection.getresponse()
    reply = Reply(response.status, {}, response.read())
    connection.close()
    assert reply.status == 413
    assert reply.error["code"] == "request_too_large"
    assert upstream.received == []


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        ("400 Bad Request", '{"error":"bad tensor"}', "application/json", "bad tensor"),
        (
            "422 Unprocessable Entity",
            '{"detail":[{"type":"missing","loc":["body","inputs"],"msg":"Field required"}]}',
            "application/json",
            "Field required: inputs",
        ),
        ("500 Internal Server Error", "Internal Server Error", "text/plain; charset=utf-8", None),
        ("404 Not Found", "", None, "The model `chat` does not exist"),
        ("404 Not Found", '{"error":"Model chat_1 not found"}', "application/json", "`chat`"),
        ("429 Too Many Requests", "", None, "Rate limit"),
        ("503 Service Unavailable", '{"error":"loading"}', "application/json", "loading"),
        ("504 Gateway Timeout", "upstream request timeout", "text/plain", None),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_an_upstream_error_keeps_its_status(
    gateway: Gateway,
    upstream: Upstream,
    status: str,
    body: str,
    kind: str | None,
    message: str | None,
    *,
    streamed: bool,
) -> None:
    upstream.answer(body, status=status, content_type=kind, retry_after="7")
    reply = gateway.post(PATH, {**HELLO, "stream": streamed})
    assert f"{reply.status} " in status
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["retry-after"] == "7"
    assert (message or "") in reply.error["message"]
    assert reply.error["type"]
    assert reply.error["code"]
    assert "x-should-retry" not in reply.headers


INSIDE = {
    "x_powered_by": "Express/1.0",
    "refresh": "0; url=http://10.0.0.7:8080/",
    "access_control_allow_origin": "*",
    **{f"x_inside_{number}": "1" for number in range(80)},
}


@pytest.mark.parametrize(
    ("streamed", "content", "status"),
    [
        (False, json.dumps(oip.answer("Hi")), "200 OK"),
        (True, json.dumps(oip.answer("Hi")), "200 OK"),
        (True, None, "200 OK"),
        (False, "no", "400 Bad Request"),
        (True, "", "503 Service Unavailable"),
    ],
)
def test_clients_get_only_listed_headers_of_the_model_server(
    gateway: Gateway, upstream: Upstream, content: str | None, status: str, *, streamed: bool
) -> None:
    headers: dict[str, Any] = {**INSIDE, "x_ratelimit_remaining_requests": "7"}
    if content is None:
        upstream.stream(oip.answer("Hi"), **headers)
    else:
        upstream.answer(content, status=status, **headers)
    reply = gateway.post(PATH, {**HELLO, "stream": streamed})
    assert str(reply.status) in status
    assert set(reply.headers) <= PASSED_TO_CLIENT | {
        "x-ratelimit-remaining-requests",
        "x-accel-buffering",
    }
    assert reply.headers["x-ratelimit-remaining-requests"] == "7"


def test_an_event_stream_without_a_body_is_502(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer("", content_type="text/event-stream")
    reply = gateway.post(PATH, {**HELLO, "stream": True})
    assert (reply.status, reply.error["type"]) == (502, "server_error")


@pytest.mark.transport
def test_a_stream_cut_off_is_cut_off_for_the_client_too(
    gateway: Gateway, upstream: Upstream
) -> None:
    gate = Gate()
    upstream.stream(oip.answer("Hel"), gate, abort=True)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    head = {"content-type": "application/json"}
    connection.request("POST", PATH, json.dumps({**HELLO, "stream": True}), head)
    response = connection.getresponse()
    assert b"Hel" in response.readline()
    gate.set()
    # There is no proper end that a client could take for a complete answer.
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()


@pytest.mark.transport
def test_a_client_that_hangs_up_ends_the_inference(gateway: Gateway, upstream: Upstream) -> None:
    gates = [Gate() for _ in range(50)]
    upstream.stream(
        oip.answer("Hel"), *(part for gate in gates for part in (gate, oip.answer("x")))
    )
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    head = {"content-type": "application/json"}
    connection.request("POST", PATH, json.dumps({**HELLO, "stream": True}), head)
    response = connection.getresponse()
    assert b"Hel" in response.readline()
    response.close()
    connection.close()
    for gate in gates:
        gate.set()
        if upstream.hung_up.wait(0.1):
            break
    assert upstream.hung_up.is_set()


def test_no_model_server_is_503(tmp_path: Path) -> None:
    nobody = stack.free_port()
    with stack.gateway(tmp_path, http=nobody, grpc=nobody) as parts:
        reply = Gateway(*parts).post(PATH, HELLO)
    assert reply.status == 503
    assert reply.error["type"] == "server_error"
    assert reply.error["code"] == "service_unavailable"
    assert "127.0.0.1" not in reply.error["message"]


def test_no_translator_is_503(upstream: Upstream, tmp_path: Path) -> None:
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port) as parts:
        gateway = Gateway(*parts)
        gateway.translator.stop()
        reply = gateway.post(PATH, HELLO)
        per_model = gateway.post("/v2/models/chat/infer/chat/completions", HELLO)
    for answer in (reply, per_model):
        assert answer.status == 503
        assert answer.headers["content-type"] == "application/json"
        assert answer.error["type"] == "server_error"
        assert answer.error["code"] == "service_unavailable"
    assert upstream.received == []


@pytest.mark.transport
def test_a_translator_that_dies_midway_is_503(upstream: Upstream, tmp_path: Path) -> None:
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port) as parts:
        gateway = Gateway(*parts)
        gate = Gate()
        upstream.stream(gate, oip.answer("late"), content_type="application/json")
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(gateway.post, PATH, HELLO)
            while not upstream.received:
                assert not pending.done()
            gateway.translator.send(9)
            gateway.translator.wait(10)
            gate.set()
            reply = pending.result(20)
    assert reply.status == 503
    assert reply.error["type"] == "server_error"
    assert reply.error["code"] == "service_unavailable"
