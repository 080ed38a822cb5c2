"""Real Envoy before the translator over mutual TLS: what its cluster needs, what is refused."""

import http.client
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests import oip
from tests.e2e.conftest import Gateway
from tests.e2e.tls import NAME, OURS, gateway
from tests.e2e.upstream import Gate, Upstream
from tests.unit.transport.certificates import Authority, Pair, mount

PATH = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
OTHERS = Authority()


def stat(gateway: Gateway, name: str) -> int:
    found = gateway.get_admin(f"/stats?format=json&filter=^cluster.oip_translator.{name}$").json
    (value,) = (each["value"] for each in found["stats"] if "value" in each)
    return int(value)


def test_answers_and_health_checks_pass_over_mutual_tls(upstream: Upstream, tmp_path: Path) -> None:
    tls = mount(tmp_path / "secret", "one", OURS.issue(NAME), OURS.pem)
    with gateway(tmp_path, upstream, tls=tls, client=OURS.issue("envoy")) as running:
        upstream.answer(oip.answer("Hi"))
        reply = running.post(PATH, HELLO)
        assert (reply.status, reply.json["choices"][0]["message"]["content"]) == (200, "Hi")
        upstream.stream(oip.answer("first"), oip.answer("second"))
        assert running.post(PATH, {**HELLO, "stream": True}).body.endswith(b"data: [DONE]\n\n")
        assert stat(running, "health_check.success") >= 1
        assert stat(running, "health_check.failure") == 0
        assert stat(running, "membership_healthy") == 1
        assert stat(running, "ssl.handshake") >= 3  # each of the two streams, and the health check


@pytest.mark.parametrize("client", [None, OTHERS.issue("envoy")], ids=["none", "another's"])
def test_an_envoy_without_our_certificate_is_refused(
    upstream: Upstream, tmp_path: Path, client: Pair | None
) -> None:
    tls = mount(tmp_path / "secret", "one", OURS.issue(NAME), OURS.pem)
    with gateway(tmp_path, upstream, tls=tls, client=client) as running:
        reply = running.post(PATH, HELLO)
        assert (reply.status, reply.error["type"]) == (503, "server_error")
    assert upstream.received == []


def test_a_renewed_certificate_is_for_new_connections_and_open_streams_go_on(
    upstream: Upstream, tmp_path: Path
) -> None:
    secret, gate = tmp_path / "secret", Gate()
    tls = mount(secret, "one", OURS.issue(NAME), OURS.pem)
    with gateway(tmp_path, upstream, tls=tls, client=OURS.issue("envoy")) as running:
        upstream.stream(oip.answer("first"), gate, oip.answer("second"))
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
        head = {"content-type": "application/json"}
        connection.request("POST", PATH, json.dumps({**HELLO, "stream": True}), head)
        response = connection.getresponse()
        assert b"first" in response.readline()
        # Envoy resumes TLS sessions, which must not outlive the authority that let them in.
        mount(secret, "other-clients", OURS.issue(NAME), OTHERS.pem)
        assert running.post(PATH, HELLO).status == 503
        # One that Envoy does not trust shows that it is shown the new one.
        mount(secret, "two", OTHERS.issue(NAME), OURS.pem)
        assert running.post(PATH, HELLO).status == 503
        assert stat(running, "ssl.fail_verify_error") >= 1
        mount(secret, "three", OURS.issue(NAME), OURS.pem)
        upstream.answer(oip.answer("Hi"))
        deadline = time.monotonic() + 30  # Envoy may have taken it for unhealthy
        while (reply := running.post(PATH, HELLO)).status == 503:
            assert time.monotonic() < deadline
        assert reply.status == 200
        gate.set()
        rest = response.read()
        connection.close()
    assert b"second" in rest
    assert rest.endswith(b"data: [DONE]\n\n")
