"""Who the clients are, asked by Envoy before the translator hears of them: envoy/examples."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
import yaml
from openai import AuthenticationError, OpenAI

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway, unhurried
from tests.e2e.upstream import Upstream

EXAMPLES = stack.ROOT / "envoy" / "examples"
BY_JWT = yaml.safe_load((EXAMPLES / "clients-by-jwt.yaml").read_text())
BY_SERVICE = {
    **yaml.safe_load((EXAMPLES / "clients-by-service.yaml").read_text()),
    "mappers": BY_JWT["mappers"],
}
CHAT = "/v1/chat/completions"
HELLO = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
KEY = b"0123456789abcdef0123456789abcdef"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


JWKS = {"keys": [{"kty": "oct", "alg": "HS256", "kid": "one", "k": base64url(KEY)}]}


def token(*, key: bytes = KEY, **claims: Any) -> str:
    """A JWT of an hour, signed; ``claims`` are in place of the right ones."""
    header = {"alg": "HS256", "typ": "JWT", "kid": "one"}
    right = {"iss": "https://issuer.example", "aud": "models", "exp": int(time.time()) + 3600}
    parts = [base64url(json.dumps(part).encode()) for part in (header, {**right, **claims})]
    signature = hmac.digest(key, ".".join(parts).encode(), hashlib.sha256)
    return ".".join([*parts, base64url(signature)])


def merged(config: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    """A configuration with an example in it, put where the example says."""
    resources = config["static_resources"]
    manager = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"][:0] = example["http_filters"]
    manager["local_reply_config"]["mappers"] += example["mappers"]
    resources["clusters"] += example["clusters"]
    return config


@contextmanager
def gateway(
    folder: Path, example: dict[str, Any], *, upstream: Upstream, asked: int
) -> Iterator[Gateway]:
    """envoy/gateway.yaml with an example in it, whose cluster is a plain loopback port."""
    port, admin, worker = stack.free_port(), stack.free_port(), stack.free_port()
    config = stack.gateway_config(
        port=port, admin=admin, http=upstream.port, grpc=upstream.port, translators=[worker]
    )
    example = unhurried(example)
    (cluster,) = example["clusters"]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": asked}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    plain = {key: value for key, value in cluster.items() if key != "transport_socket"}
    plain["load_assignment"] = {"cluster_name": cluster["name"], "endpoints": endpoints}
    config = merged(config, {**example, "clusters": [plain]})
    with stack.translator(worker, folder) as translator, stack.envoy(config, folder) as envoy:
        yield Gateway(port, admin, worker, envoy, translator)


def let_in(gateway: Gateway) -> list[str]:
    """What the translator's log has of the requests it was shown, once there are any."""
    deadline = time.monotonic() + 30
    while not (
        lines := [
            line
            for line in gateway.translator.log.read_text().splitlines()
            if "translator.access" in line
        ]
    ):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return lines


@pytest.fixture
def other() -> Iterator[Upstream]:
    """The issuer of the keys, or the service that is asked."""
    server = Upstream()
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("example", [BY_JWT, BY_SERVICE], ids=["jwt", "service"])
def test_envoy_takes_the_example_as_it_stands(tmp_path: Path, example: dict[str, Any]) -> None:
    path = tmp_path / "envoy.yaml"
    path.write_text(yaml.safe_dump(merged(yaml.safe_load(stack.GATEWAY.read_text()), example)))
    argv = [
        str(stack.envoy_binary()),
        "--mode",
        "validate",
        "--use-dynamic-base-id",
        "-c",
        str(path),
    ]
    done = run(argv, capture_output=True, text=True, check=False)  # noqa: S603 -- our own binary
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr.lower()


def test_a_jwt_is_an_api_key(tmp_path: Path, upstream: Upstream, other: Upstream) -> None:
    other.answer(JWKS)
    with gateway(tmp_path, BY_JWT, upstream=upstream, asked=other.port) as running:
        for bearer, status in (
            (None, 401),
            ("sk-no-jwt", 401),
            (token(key=b"another"), 401),
            (token(exp=1), 401),
            (token(iss="https://another.example"), 401),
            (token(aud="another"), 403),
        ):
            headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
            reply = running.post(CHAT, HELLO, **headers)
            assert reply.status == status
            assert reply.headers["content-type"] == "application/json"
            assert reply.error["type"] == "invalid_request_error"
            code = "invalid_api_key" if status == 401 else "permission_denied"
            assert reply.error["code"] == code
        assert running.request("GET", "/v2/models/chat").status == 401
        with OpenAI(api_key="sk", base_url=f"{running.url}/v1", max_retries=0) as client:
            with pytest.raises(AuthenticationError, match="Incorrect API key"):
                client.embeddings.create(model="m", input="Hello")
            assert upstream.received == []
            client.api_key = token()
            upstream.answer(oip.answer("Hi"))
            answer = client.chat.completions.create(
                model="chat", messages=[{"role": "user", "content": "Hello"}]
            )
        assert answer.choices[0].message.content == "Hi"
        (line,) = let_in(running)
        assert "chat/completions chat 200" in line
    (received,) = upstream.received
    assert "authorization" not in received.headers
    assert [each.path for each in other.received] == ["/.well-known/jwks.json"]


def test_a_service_says_who_may_come(tmp_path: Path, upstream: Upstream, other: Upstream) -> None:
    with gateway(tmp_path, BY_SERVICE, upstream=upstream, asked=other.port) as running:
        for status, code in (("401 No", "invalid_api_key"), ("403 No", "permission_denied")):
            other.answer("its own words", status=status, content_type="text/plain")
            reply = running.post(CHAT, HELLO, authorization="Bearer sk")
            assert (reply.status, reply.error["code"]) == (int(status[:3]), code)
        assert upstream.received == []
        other.answer(b"")
        upstream.answer(oip.answer("Hi"))
        assert running.post(CHAT, HELLO, authorization="Bearer sk").status == 200
        assert len(let_in(running)) == 1
    (received,) = upstream.received
    assert "authorization" not in received.headers
    assert [(each.path, each.headers["authorization"], each.body) for each in other.received] == [
        (CHAT, "Bearer sk", b"")
    ] * 3


def test_without_the_service_nobody_is_let_in(tmp_path: Path, upstream: Upstream) -> None:
    with gateway(tmp_path, BY_SERVICE, upstream=upstream, asked=stack.free_port()) as running:
        reply = running.post(CHAT, HELLO, authorization="Bearer sk")
        assert (reply.status, reply.error["type"]) == (503, "server_error")
    assert upstream.received == []
