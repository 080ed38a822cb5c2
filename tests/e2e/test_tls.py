"""Real Envoy before the translator over mutual TLS: what its cluster needs, what is refused."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Gate, Upstream
from tests.unit.transport.certificates import Authority, Pair, mount, put
from translator.transport.tls import Tls

PATH = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
NAME = "translator.test"

OURS = Authority()
OTHERS = Authority()


def translator(port: int, folder: Path, tls: Tls) -> stack.Server:
    files = {"certificate": tls.certificate, "key": tls.key, "client-ca": tls.client_ca}
    return stack.translator(port, folder, *(f"--tls-{name}={path}" for name, path in files.items()))


def upstream_tls(folder: Path, client: Pair | None) -> dict[str, Any]:
    """The transport_socket of the translator's cluster."""
    put(folder / "trusted.crt", OURS.pem)
    common: dict[str, Any] = {
        # For the health checks: gRPC closes a connection that does not ask for HTTP/2.
        "alpn_protocols": ["h2"],
        "validation_context": {
            "trusted_ca": {"filename": str(folder / "trusted.crt")},
            "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": NAME}}],
        },
    }
    if client is not None:
        put(folder / "client.crt", client.certificate)
        put(folder / "client.key", client.key)
        common["tls_certificates"] = [
            {
                "certificate_chain": {"filename": str(folder / "client.crt")},
                "private_key": {"filename": str(folder / "client.key")},
            }
        ]
    kind = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"type.googleapis.com/{kind}",
            "sni": NAME,
            "common_tls_context": common,
        },
    }


@contextmanager
def gateway(
    folder: Path, upstream: Upstream, *, tls: Tls, client: Pair | None
) -> Iterator[Gateway]:
    """envoy/gateway.yaml with TLS to the translator, on a new connection for each stream."""
    port, admin, worker = stack.free_port(), stack.free_port(), stack.free_port()
    config = stack.gateway_config(
        port=port, admin=admin, http=upstream.port, grpc=upstream.port, translators=[worker]
    )
    (cluster,) = (
        each for each in config["static_resources"]["clusters"] if each["name"] == "oip_translator"
    )
    cluster["transport_socket"] = upstream_tls(folder, client)
    (options,) = cluster["typed_extension_protocol_options"].values()
    options["common_http_protocol_options"] = {"max_requests_per_connection": 1}
    with translator(worker, folder, tls) as serving, stack.envoy(config, folder) as proxy:
        yield Gateway(port, admin, worker, proxy, serving)


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
