"""The translator as a process behind Envoy: drain, restart, limits from the command line."""

import http.client
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, OpenAI

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway, send
from tests.e2e.upstream import Gate, Upstream

pytestmark = pytest.mark.transport

JSON = {"content_type": "application/json"}
PATH = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}


def begin_stream(gateway: Gateway) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    head = {"content-type": "application/json"}
    connection.request("POST", PATH, json.dumps({**HELLO, "stream": True}), head)
    response = connection.getresponse()
    assert b"first" in response.readline()
    return connection, response


def test_sigterm_lets_an_open_stream_finish(upstream: Upstream, tmp_path: Path) -> None:
    gate = Gate()
    upstream.stream(oip.answer("first"), gate, oip.answer("second"))
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port) as parts:
        gateway = Gateway(*parts)
        connection, response = begin_stream(gateway)
        gateway.translator.send(signal.SIGTERM)
        while (refused := gateway.post(PATH, HELLO)).status != 503:  # until the signal has arrived
            assert refused.status == 500  # nothing was scripted
        assert gateway.translator.poll() is None, "it waits for the open stream"
        gate.set()
        rest = response.read()
        connection.close()
        assert gateway.translator.wait(10) == 0
    assert (refused.status, refused.error["type"]) == (503, "server_error")
    assert b"second" in rest
    assert rest.endswith(b"data: [DONE]\n\n")


def test_a_stream_that_outlives_the_grace_is_cut(upstream: Upstream, tmp_path: Path) -> None:
    gate = Gate()
    upstream.stream(oip.answer("first"), gate)
    options = ["--grace", "0.2"]
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=options) as parts:
        gateway = Gateway(*parts)
        connection, response = begin_stream(gateway)
        gateway.translator.send(signal.SIGTERM)
        assert gateway.translator.wait(10) == 0
        with pytest.raises(http.client.IncompleteRead):
            response.read()
        connection.close()
        gate.set()


def test_a_new_translator_takes_over_from_one_that_was_killed(
    upstream: Upstream, tmp_path: Path
) -> None:
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port) as parts:
        gateway = Gateway(*parts)
        upstream.answer(oip.answer("Hi"))
        assert gateway.post(PATH, HELLO).status == 200
        gateway.translator.send(signal.SIGKILL)
        gateway.translator.wait(10)
        assert gateway.post(PATH, HELLO).status == 503
        with stack.translator(gateway.worker, tmp_path):
            upstream.answer(oip.answer("Hi"))
            deadline = time.monotonic() + 30  # Envoy connects anew with a back-off
            while (reply := gateway.post(PATH, HELLO)).status == 503:
                assert time.monotonic() < deadline
    assert reply.status == 200


def test_a_body_over_the_translators_own_limit_is_413(upstream: Upstream, tmp_path: Path) -> None:
    options = ["--max-request-body", "100K"]
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=options) as parts:
        gateway = Gateway(*parts)
        with OpenAI(api_key="x", base_url=f"{gateway.url}/v1", max_retries=0) as client:
            for size in (100_000, 20_000_000):
                with pytest.raises(APIStatusError) as caught:
                    client.chat.completions.create(
                        model="chat", messages=[{"role": "user", "content": "x" * size}] * 2
                    )
                assert caught.value.status_code == 413
                assert caught.value.code == "request_too_large"
                # Envoy itself, which knows no number, answers what does not fit into its buffers.
                assert "102400 bytes" in caught.value.message
        small = {"model": "chat", "messages": [{"role": "user", "content": "x" * 90_000}]}
        upstream.answer(oip.answer("Hi"))
        assert gateway.post(PATH, small).status == 200


def test_an_exchange_too_many_is_told_to_wait(upstream: Upstream, tmp_path: Path) -> None:
    gate = Gate()
    upstream.stream(oip.answer("first"), gate)
    options = ["--max-exchanges", "1"]
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=options) as parts:
        gateway = Gateway(*parts)
        connection, response = begin_stream(gateway)
        refused = gateway.post(PATH, HELLO)
        gate.set()
        assert response.read().endswith(b"data: [DONE]\n\n")
        connection.close()
    assert (refused.status, refused.error["code"]) == (503, "overloaded")
    assert refused.headers["retry-after"] == "1"


def test_nothing_is_logged_of_bodies_and_credentials(upstream: Upstream, tmp_path: Path) -> None:
    options = ["--log-level", "DEBUG"]
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=options) as parts:
        gateway = Gateway(*parts)
        upstream.answer(oip.answer("hush-answer"))
        body = {"model": "chat", "messages": [{"role": "user", "content": "hush-question"}]}
        assert gateway.post(PATH, body, authorization="Bearer hush-key").status == 200
        log = gateway.translator.log
    assert "hush" not in log.read_text()
    assert "hush-key" not in parts.envoy.log.read_text()


def test_a_unix_socket_between_envoy_and_the_translator(upstream: Upstream, tmp_path: Path) -> None:
    socket = tmp_path / "s"
    port = stack.free_port()
    config = stack.gateway_config(
        port=port, admin=stack.free_port(), http=upstream.port, grpc=upstream.port, translators=[1]
    )
    clusters = {cluster["name"]: cluster for cluster in config["static_resources"]["clusters"]}
    (endpoint,) = clusters["oip_translator"]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    endpoint["endpoint"]["address"] = {"pipe": {"path": str(socket)}}
    serving = stack.Server(
        "The translator",
        [sys.executable, "-m", "translator", "serve", "--listen", f"unix:{socket}"],
        log=tmp_path / "translator.log",
        ready=socket.exists,
    )
    with serving, stack.envoy(config, tmp_path):
        upstream.answer(oip.answer("Hi"))
        reply = send(port, "POST", PATH, json.dumps(HELLO).encode(), **JSON)
        assert reply.status == 200
        serving.send(signal.SIGTERM)
        assert serving.wait(10) == 0
    assert not socket.exists()


def test_settings_change_while_requests_are_served(upstream: Upstream, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("")
    options = ["--config", str(file)]
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=options) as parts:
        gateway = Gateway(*parts)

        def status_becomes(status: int) -> None:
            deadline = time.monotonic() + 30
            while gateway.post(PATH, HELLO).status != status:
                assert time.monotonic() < deadline

        status_becomes(500)  # it goes upstream, where nothing is scripted
        file.write_text("max_request_body = 10")
        status_becomes(413)
        file.write_text("max_request_body = 'much'")
        gateway.translator.send(signal.SIGHUP)
        log = gateway.translator.log
        deadline = time.monotonic() + 30
        while "settings not reloaded" not in log.read_text():
            assert time.monotonic() < deadline
        assert gateway.post(PATH, HELLO).status == 413  # the old ones stay
        file.write_text("")
        status_becomes(500)


def test_a_pipeline_is_reached_as_one(upstream: Upstream, tmp_path: Path) -> None:
    upstream.answer(oip.answer("Hi"))
    options = ["--models", '{"chat": {"contract": "seldon-pipeline"}}']
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=options) as parts:
        reply = Gateway(*parts).post(PATH, {**HELLO, "stream": True, "temperature": 0.5})
    (received,) = upstream.received
    assert received.path == "/v2/models/chat/infer"
    assert received.headers["seldon-model"] == "chat.pipeline"
    assert received.json["parameters"] == {"stream": True}
    assert reply.body.endswith(b"data: [DONE]\n\n")


def test_every_exchange_is_a_line_of_the_log(upstream: Upstream, tmp_path: Path) -> None:
    upstream.answer(oip.answer("Hi"))
    gate = Gate()
    upstream.stream(oip.answer("first"), gate)
    options = ["--log-format", "json"]
    secret = "Bearer sk-secret"  # noqa: S105 -- an invented one
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=options) as parts:
        gateway = Gateway(*parts)
        gateway.post(PATH, HELLO, x_request_id="whole", authorization=secret)
        gateway.post(PATH, {}, x_request_id="refused")
        connection, response = begin_stream(gateway)
        response.close()
        connection.close()
        gate.set()
        log = gateway.translator.log

        def lines() -> list[Any]:
            whole = [line for line in log.read_text().splitlines(keepends=True) if line[-1] == "\n"]
            return [line["exchange"] for line in map(json.loads, whole) if "exchange" in line]

        deadline = time.monotonic() + 30
        while len(lines()) < 3:
            assert time.monotonic() < deadline
        whole, refused, left = lines()
    assert (whole["request_id"], whole["status"], whole["model"]) == ("whole", 200, "chat")
    assert (refused["request_id"], refused["status"], refused["upstream_status"]) == (
        "refused",
        400,
        0,
    )
    assert (left["status"], left["streamed"], left["complete"]) == (200, True, False)
    text = log.read_text()
    assert "sk-secret" not in text
    assert "Hello" not in text


def test_operators_are_told_how_it_is(upstream: Upstream, tmp_path: Path) -> None:
    admin, gate = stack.free_port(), Gate()
    options = ["--admin", f"127.0.0.1:{admin}", "--grace", "20"]
    upstream.stream(oip.answer("first"), gate, oip.answer("second"))
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=options) as parts:
        gateway = Gateway(*parts)

        def get(path: str) -> tuple[int, str]:
            reply = send(admin, "GET", path)
            return reply.status, reply.body.decode()

        connection, response = begin_stream(gateway)
        assert get("/healthz")[0] == get("/readyz")[0] == 200
        assert json.loads(get("/config")[1])["grace"] == "20"
        assert "version" in json.loads(get("/version")[1])
        assert "oip_translator_exchanges 1.0" in get("/metrics")[1]
        gateway.translator.send(signal.SIGTERM)
        while get("/readyz")[0] != 503:
            assert gateway.translator.poll() is None
        gate.set()
        response.read()
        connection.close()
        assert gateway.translator.wait(10) == 0


def test_a_client_that_leaves_is_counted(upstream: Upstream, tmp_path: Path) -> None:
    admin, gate = stack.free_port(), Gate()
    upstream.stream(oip.answer("first"), gate)
    options = ["--admin", f"127.0.0.1:{admin}"]
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=options) as parts:
        connection, response = begin_stream(Gateway(*parts))
        response.close()
        connection.close()
        gate.set()
        deadline = time.monotonic() + 30
        wanted = b'oip_translator_abandoned_total{gen_ai_operation_name="chat"} 1.0'
        while wanted not in send(admin, "GET", "/metrics").body:
            assert time.monotonic() < deadline
