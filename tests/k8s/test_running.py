"""Each place's filter in real Envoy, with a real translator: an answer, a stream, an error."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests import oip
from tests.e2e.conftest import send
from tests.e2e.upstream import Gate, Upstream
from tests.k8s.manifests import pods
from tests.k8s.places import PLACES
from tests.k8s.running import HELLO, Running, running
from translator.exchange.headers import CREDENTIALS

PATH = "/v1/chat/completions"
PER_MODEL = "/v2/models/chat/infer/chat/completions"


@pytest.fixture(scope="module", params=[name for name in PLACES if name != "mlserver"])
def place(
    request: pytest.FixtureRequest, _upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Each place; mlserver's bootstrap is that of gateway to the letter."""
    with running(request.param, tmp_path_factory.mktemp("place"), _upstream.port) as found:
        yield found


def test_one_bootstrap_for_all_gateways() -> None:
    assert PLACES["mlserver"]() == PLACES["gateway"]() == PLACES["triton"]()


@pytest.mark.parametrize("path", [PATH, PER_MODEL])
def test_an_answer(place: Running, upstream: Upstream, path: str) -> None:
    upstream.answer(oip.answer("Hi"))
    reply = place.post(path, HELLO)
    assert reply.status == 200
    assert reply.json["choices"][0]["message"]["content"] == "Hi"
    (received,) = upstream.received
    assert received.path == "/v2/models/chat/infer"
    assert received.headers["seldon-model"] == "chat"
    assert [tensor["name"] for tensor in received.json["inputs"]] == ["role", "content", "type"]


def test_a_name_that_the_mesh_would_break(place: Running, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hi"))
    assert place.post(PATH, {**HELLO, "model": "gpt-4.1"}).status == 200
    (received,) = upstream.received
    name = "gpt-4.1" if place.name in {"gateway.yaml", "triton"} else "gpt-4_1"
    assert received.path == f"/v2/models/{name}/infer"
    assert received.headers["seldon-model"] == "gpt-4.1"


def test_a_stream(place: Running, upstream: Upstream) -> None:
    """Event by event: the second is written only when the first has come."""
    if place.name == "triton":
        upstream.answer(oip.answer("at once"))
        whole = place.post(PATH, {**HELLO, "stream": True})
        assert b"at once" in whole.body
        assert whole.body.endswith(b"data: [DONE]\n\n")
        assert upstream.received[0].path == "/v2/models/chat/infer"
        return
    gate = Gate()
    upstream.stream(oip.answer("first"), gate, oip.answer("second"))
    connection = place.connect()
    connection.request(
        "POST", PATH, json.dumps({**HELLO, "stream": True}), {"content-type": "application/json"}
    )
    response = connection.getresponse()
    assert response.getheader("content-type") == "text/event-stream; charset=utf-8"
    assert b"first" in response.readline()
    gate.set()
    rest = response.read()
    connection.close()
    assert b"second" in rest
    assert rest.endswith(b"data: [DONE]\n\n")
    assert upstream.received[0].path == "/v2/models/chat/infer_stream"


def test_a_client_of_http_10(place: Running, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hi"))
    connection = place.connect()
    connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"  # type: ignore[attr-defined]  # noqa: SLF001 -- there is no public way
    headers = {"host": "gateway", "content-type": "application/json"}
    connection.request("POST", PATH, json.dumps(HELLO), headers)
    assert b"Hi" in connection.getresponse().read()


def test_an_error_of_the_model_server(place: Running, upstream: Upstream) -> None:
    upstream.answer({"error": "Model chat not found"}, status="404 Not Found")
    reply = place.post(PATH, HELLO)
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")


def test_an_error_of_the_client(place: Running, upstream: Upstream) -> None:
    reply = place.post(PATH, {**HELLO, "messages": []})
    assert (reply.status, reply.error["param"]) == (400, "messages")
    assert upstream.received == []


def test_plain_oip_never_meets_the_filter(place: Running, upstream: Upstream) -> None:
    upstream.answer({"outputs": []})
    reply = place.post("/v2/models/chat/infer", {"inputs": []})
    assert reply.json == {"outputs": []}
    assert upstream.received[0].json == {"inputs": []}


@pytest.mark.parametrize(
    "path", ["/chat/completions", "/V1/chat/completions", "/v2/repository/models/m/unload", "/"]
)
def test_all_other_paths_are_404(place: Running, upstream: Upstream, path: str) -> None:
    reply = place.post(path, HELLO)
    assert (reply.status, reply.error["code"]) == (404, "unknown_url")
    assert upstream.received == []


@pytest.mark.parametrize("path", [PATH, "/v2/models/chat/infer", "/v2/models/chat/ready"])
def test_no_credential_reaches_the_models(place: Running, upstream: Upstream, path: str) -> None:
    upstream.answer(oip.answer("Hi"))
    assert place.post(path, HELLO, **dict.fromkeys(CREDENTIALS, "hush")).status == 200
    (received,) = upstream.received
    assert "hush" not in received.headers.values()


def test_a_body_of_many_megabytes(place: Running, upstream: Upstream) -> None:
    large = "x" * 20_000_000
    upstream.answer(oip.answer(large))
    reply = place.post(PATH, {**HELLO, "messages": [{"role": "user", "content": large}]})
    assert reply.status == 200
    assert len(reply.json["choices"][0]["message"]["content"]) == len(large)


KNOWN = {
    # Envoy Gateway cannot be told of it.
    "envoy-gateway": {"processing modes": "request_trailer_mode is SKIP"},
    # Triton has no streams.
    "triton": {
        "chat stream chat": "3 events with content-length: they were buffered until the last"
    },
}
"""What `check` finds, and nobody can help."""


def test_check_finds_nothing_wrong(place: Running, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hello"))
    if place.name == "triton":
        upstream.answer(oip.answer("Hello"))
    else:
        upstream.stream(oip.answer("Hel"), oip.answer("lo"))
    scheme = "http" if place.authority is None else "https"
    listener, admin = f"{scheme}://127.0.0.1:{place.ports[0]}", f"http://127.0.0.1:{place.admin}"
    options = ["--envoy", listener, "--envoy-admin", admin, "--chat", "chat", "--json"]
    trust = {} if place.authority is None else {"SSL_CERT_FILE": str(place.authority)}
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-m", "translator", "check", *options],
        env={**os.environ, **trust},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {step["name"]: step for step in json.loads(done.stdout)}
    wrong = {name: step["found"] for name, step in found.items() if step["ok"] is False}
    assert wrong == KNOWN.get(place.name, {})
    assert "chat stream chat" in found


@pytest.fixture(scope="module")
def gateway(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("gateway", tmp_path_factory.mktemp("gateway"), _upstream.port) as found:
        yield found


def test_operators_see_two_pages_of_the_admin_interface(gateway: Running) -> None:
    assert gateway.operate("/live").status == 200
    assert gateway.operate("/ready").body == b"LIVE\n"
    assert b"envoy_server_live" in gateway.operate("/stats/prometheus").body
    for path in ("/", "/config_dump", "/stats", "/quitquitquit", "/ready/../config_dump"):
        assert gateway.operate(path).status == 404
    assert send(gateway.ports[1], "POST", "/healthcheck/fail").status == 404


def ask(connection: http.client.HTTPConnection, body: object) -> http.client.HTTPResponse:
    connection.request("POST", PATH, json.dumps(body), {"content-type": "application/json"})
    return connection.getresponse()


def test_the_end_of_a_pod_asks_clients_to_leave_and_lets_them_finish(
    upstream: Upstream, tmp_path: Path
) -> None:
    """What the Pod's preStop does to Envoy: not ready, every answer the last of its connection."""
    (pod,) = pods("gateway")
    python, *arguments = pod.container("translator")["lifecycle"]["preStop"]["exec"]["command"]
    assert python == "python"
    with ExitStack() as stack:
        place = stack.enter_context(running("gateway", tmp_path, upstream.port))
        streaming, idle, late = (stack.enter_context(closing(place.connect())) for _ in range(3))
        gate = Gate()
        upstream.stream(oip.answer("first"), gate, oip.answer("second"))
        response = ask(streaming, {**HELLO, "stream": True})
        assert b"first" in response.readline()
        upstream.answer(oip.answer("before"))
        before = ask(idle, HELLO)
        assert before.read()
        assert before.getheader("connection") is None
        command = [argument.replace(":9901/", f":{place.admin}/") for argument in arguments]
        subprocess.run([sys.executable, *command], check=True)  # noqa: S603 -- our own manifest's
        assert place.operate("/ready").status == 503
        assert place.operate("/live").status == 200
        for connection in (idle, late):
            upstream.answer(oip.answer("after"))
            after = ask(connection, HELLO)
            assert after.status == 200
            assert after.getheader("connection") == "close"
            assert b"after" in after.read()
        gate.set()
        assert response.read().endswith(b"data: [DONE]\n\n")
        for server in (place.envoy, place.translator):
            server.send(signal.SIGTERM)
            assert server.wait(10) == 0, "with nothing left to do it does not take its grace"
