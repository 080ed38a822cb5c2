"""What Envoy learns of an exchange: in its access log, and for limits by model and by tokens."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import grpc
import pytest
import yaml
from envoy_data_plane.envoy.service.ratelimit import v3 as ratelimit

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway, Reply, unhurried
from tests.e2e.upstream import Gate, Upstream

CHAT = "/v1/chat/completions"
COUNTS = {"prompt_tokens": 7, "completion_tokens": 5}
COUNTED = {**oip.answer("Hi"), "parameters": COUNTS}
EXAMPLES = stack.ROOT / "envoy" / "examples"


@contextmanager
def gateway(
    folder: Path,
    upstream: Upstream,
    filters: list[Any] | None = None,
    clusters: list[Any] | None = None,
) -> Iterator[Gateway]:
    """envoy/gateway.yaml with more filters after ext_proc and more clusters."""
    port, admin, worker = stack.free_port(), stack.free_port(), stack.free_port()
    config = stack.gateway_config(
        port=port, admin=admin, http=upstream.port, grpc=upstream.port, translators=[worker]
    )
    resources = config["static_resources"]
    manager = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"][1:1] = filters or []
    resources["clusters"] += clusters or []
    with stack.translator(worker, folder) as translator, stack.envoy(config, folder) as envoy:
        yield Gateway(port, admin, worker, envoy, translator)


def ask(gateway: Gateway, model: str = "m", **more: Any) -> Reply:
    messages = [{"role": "user", "content": "Hi"}]
    return gateway.post(CHAT, {"model": model, "messages": messages, **more})


def lines(folder: Path) -> list[dict[str, Any]]:
    """The access log; it is all there once Envoy has ended."""
    log = (folder / "envoy.log").read_text().splitlines()
    return [json.loads(line) for line in log if line.startswith("{")]


def counts(folder: Path) -> list[tuple[Any, ...]]:
    """Model and tokens of each line."""
    names = ("model", "input_tokens", "output_tokens")
    return [tuple(line[name] for name in names) for line in lines(folder)]


def test_the_access_log_shows_model_and_tokens(tmp_path: Path, upstream: Upstream) -> None:
    with gateway(tmp_path, upstream) as running:
        upstream.answer(COUNTED)
        assert ask(running).status == 200
        upstream.stream(COUNTED)
        assert ask(running, "s", stream=True).status == 200
        upstream.answer(oip.answer("Hi"))
        assert ask(running, "uncounted").status == 200
        assert ask(running, "refused", temperature=3).status == 400
        assert running.get_admin("/stats?filter=ext_proc").status == 200
    assert counts(tmp_path) == [
        ("m", 7, 5),
        ("s", 7, 5),
        ("uncounted", None, None),
        (None, None, None),
    ]


def test_a_client_cannot_forge_the_access_log(tmp_path: Path, upstream: Upstream) -> None:
    forged = '" "10.0.0.1:80" model=x {"status": 200}'
    with gateway(tmp_path, upstream) as running:
        assert running.post(CHAT, {}, x_request_id=forged).status == 400
    (line,) = lines(tmp_path)
    assert (line["request_id"], line["status"], line["model"]) == (forged, 400, None)


def test_tokens_are_known_of_a_stream_that_its_client_left(
    tmp_path: Path, upstream: Upstream
) -> None:
    gates = [Gate() for _ in range(50)]
    with gateway(tmp_path, upstream) as running:
        more = (part for gate in gates for part in (gate, oip.answer("x")))
        upstream.stream(COUNTED, *more)
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
        head = {"content-type": "application/json"}
        connection.request("POST", CHAT, json.dumps(body), head)
        response = connection.getresponse()
        assert b"Hi" in response.readline()
        response.close()
        connection.close()
        for gate in gates:
            gate.set()
            if upstream.hung_up.wait(0.1):
                break
        assert upstream.hung_up.is_set()
    assert counts(tmp_path) == [("m", 7, 5)]


LIMIT = yaml.safe_load((EXAMPLES / "limit-by-model.yaml").read_text())


@pytest.fixture(scope="module")
def limited(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that limits each model, on which the limit of ``chat`` is used up."""
    with gateway(tmp_path_factory.mktemp("limited"), _upstream, LIMIT) as running:
        for _ in range(2):
            _upstream.answer(COUNTED)
        assert [ask(running, "chat").status for _ in range(3)] == [200, 200, 429]
        yield running


@pytest.mark.parametrize(
    "path",
    [
        CHAT,
        "/openai/deployments/chat/chat/completions",
        "/v2/models/chat/infer/chat/completions",
        "/v2/models/chat/versions/1/infer/chat/completions",
        "/v2/models/chat/infer",
        "/v2/models/ch%61t/infer",
        "/v2/models/chat/versions/2/infer?x=1",
    ],
)
def test_requests_are_limited_by_model(limited: Gateway, upstream: Upstream, path: str) -> None:
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}]}
    refused = limited.post(path, body)
    assert refused.status == 429
    assert upstream.received == []
    if "completions" in path:
        assert refused.error["message"] == "Rate limit reached. Please try again later."
        assert (refused.error["type"], refused.error["code"]) == (
            "requests",
            "rate_limit_exceeded",
        )


def test_each_model_has_its_own_limit(limited: Gateway, upstream: Upstream) -> None:
    upstream.answer("{}")
    assert limited.request("GET", "/v2/models/chat/ready").status == 200
    for _ in range(3):
        upstream.answer(COUNTED)
        assert ask(limited, "other").status == 200


@pytest.mark.parametrize("path", ["/v2/models/chat/infer", "/v2/models/chat/versions/1/infer"])
def test_plain_oip_uses_up_the_limit_of_a_model(
    tmp_path: Path, upstream: Upstream, path: str
) -> None:
    with gateway(tmp_path, upstream, LIMIT) as running:
        for _ in range(2):
            upstream.answer(COUNTED)
            assert running.post(path, {}).status == 200
        assert ask(running, "chat").status == 429


SLOW = 0.1  # seconds; Envoy's default time-out for a rate limit service is 20 ms


class Budgets:
    """A slow rate limit service: each model may use 20 tokens."""

    def __init__(self) -> None:
        self.used: Counter[str] = Counter()
        self._changed = threading.Condition()
        self.port = stack.free_port()
        self._server = grpc.server(futures.ThreadPoolExecutor(2))
        method = grpc.unary_unary_rpc_method_handler(self._should_rate_limit)
        service = "envoy.service.ratelimit.v3.RateLimitService"
        handler = grpc.method_handlers_generic_handler(service, {"ShouldRateLimit": method})
        self._server.add_generic_rpc_handlers((handler,))
        self._server.add_insecure_port(f"127.0.0.1:{self.port}")

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(0).wait()

    def wait_until_used(self, model: str, tokens: int) -> None:
        """Wait for so many tokens to be taken off."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.used[model] == tokens, timeout=30)

    def _should_rate_limit(self, request: bytes, _context: Any) -> bytes:
        codes = []
        time.sleep(SLOW)
        for descriptor in ratelimit.RateLimitRequest.parse(request).descriptors:
            [entry] = descriptor.entries
            assert entry.key == "model"
            with self._changed:
                self.used[entry.value] += descriptor.hits_addend or 0
                self._changed.notify_all()
            over = self.used[entry.value] >= 20
            codes.append(ratelimit.RateLimitResponseCode.OVER_LIMIT if over else 1)
        return bytes(
            ratelimit.RateLimitResponse(overall_code=ratelimit.RateLimitResponseCode(max(codes)))
        )


@pytest.fixture
def budgets() -> Iterator[Budgets]:
    with Budgets() as service:
        yield service


@pytest.mark.parametrize("stream", [False, True])
def test_tokens_are_limited_by_model(
    tmp_path: Path, upstream: Upstream, budgets: Budgets, *, stream: bool
) -> None:
    example = unhurried(yaml.safe_load((EXAMPLES / "limit-by-tokens.yaml").read_text()))
    [cluster] = example["clusters"]
    [endpoint] = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    script = upstream.stream if stream else upstream.answer
    address = {"address": "127.0.0.1", "port_value": budgets.port}
    endpoint["endpoint"]["address"]["socket_address"] = address
    with gateway(tmp_path, upstream, example["http_filters"], [cluster]) as running:
        for count in (12, 24):
            script(COUNTED)
            assert ask(running, "m", stream=stream).status == 200
            budgets.wait_until_used("m", count)
        refused = ask(running, "m", stream=stream)
        assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
        upstream.answer(oip.answer("Hi"))
        assert ask(running, "other").status == 200
    assert len(upstream.received) == 3
