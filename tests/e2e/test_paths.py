"""Which paths Envoy serves, passes and refuses, and what of a client's request reaches a model."""

import http.client
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from openai import AzureOpenAI, NotFoundError, OpenAI

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway, Reply
from tests.e2e.upstream import Upstream
from translator.exchange import routes
from translator.exchange.headers import CREDENTIALS

ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
HELLO: list[Any] = ASK["messages"]
BODY = json.dumps(ASK).encode()
SECRET = "hush"  # noqa: S105 -- an invented one
SECRETS = dict.fromkeys(CREDENTIALS, SECRET)
SERVICE = "inference.GRPCInferenceService"
PLAIN = re.compile("|".join(routes.PLAIN_OIP))


@pytest.fixture(scope="module")
def prefixed(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with other base paths, which forwards one credential."""
    options = ["--base-paths", "/,/openai/v1", "--forward-headers", "authorization"]
    folder, port = tmp_path_factory.mktemp("prefixed"), _upstream.port
    with stack.gateway(folder, http=port, grpc=port, options=options) as parts:
        yield Gateway(*parts)


def azure(gateway: Gateway, deployment: str | None = None) -> AzureOpenAI:
    return AzureOpenAI(
        azure_endpoint=gateway.url,
        azure_deployment=deployment,
        api_version="2024-10-21",
        api_key=SECRET,
        max_retries=0,
    )


@pytest.mark.parametrize("deployment", [None, "mine"])
def test_azures_client(gateway: Gateway, upstream: Upstream, deployment: str | None) -> None:
    """Without a deployment the client puts the model into the URL, with one it does not."""
    model = deployment or "gpt-4"
    with azure(gateway, deployment) as client:
        upstream.answer(oip.answer("Hi"))
        whole = client.chat.completions.create(model="gpt-4", messages=HELLO)
        assert (whole.choices[0].message.content, whole.model) == ("Hi", model)
        upstream.stream(oip.answer("Hi"))
        stream = client.chat.completions.create(model="gpt-4", messages=HELLO, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Hi"
        embedding = {"name": "embedding", "datatype": "FP32", "shape": [1, 2], "data": [0.5, 1]}
        upstream.answer({"model_name": "e", "outputs": [embedding]})
        vectors = client.embeddings.create(model="gpt-4", input="Hi")
        assert vectors.data[0].embedding == [0.5, 1]
        upstream.answer({"error": "Model gone"}, status="404 Not Found")
        with pytest.raises(NotFoundError) as caught:
            client.chat.completions.create(model="gpt-4", messages=HELLO)
        assert caught.value.code == "model_not_found"
    assert [received.path for received in upstream.received] == [
        f"/v2/models/{model}/{verb}" for verb in ("infer", "infer_stream", "infer", "infer")
    ]
    assert SECRET not in str([received.headers for received in upstream.received])


@pytest.mark.parametrize("base", ["", "/openai/v1"])
def test_a_client_of_another_base_path(prefixed: Gateway, upstream: Upstream, base: str) -> None:
    upstream.answer(oip.answer("Hi"))
    with OpenAI(api_key=SECRET, base_url=f"{prefixed.url}{base}", max_retries=0) as client:
        whole = client.chat.completions.create(model="m", messages=HELLO)
    assert whole.choices[0].message.content == "Hi"
    reply = prefixed.post("/v1/chat/completions", ASK)
    assert (reply.status, reply.error["code"]) == (404, "unknown_url")


def test_a_header_that_is_forwarded_goes_to_translated_requests_only(
    prefixed: Gateway, upstream: Upstream
) -> None:
    for path in ("/chat/completions", "/v2/models/m/infer"):
        upstream.answer(oip.answer("Hi"))
        assert prefixed.post(path, ASK, authorization="Bearer x", cookie="a=b").status == 200
    translated, plain = upstream.received
    assert translated.headers["authorization"] == "Bearer x"
    for headers in (plain.headers, {**translated.headers, "authorization": ""}):
        assert not [name for name in CREDENTIALS if headers.get(name)]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/repository/index"),
        ("POST", "/v2/repository/models/m/load"),
        ("POST", "/v2/repository/models/m/unload"),
        ("POST", "/v2/models/m/../../repository/models/m/unload"),
        ("POST", "/v2/models/m/%2e%2e/%2E%2E/repository/index"),
        ("GET", "/v2/models/m/config"),
        ("POST", "/v2/models/m/trace/setting"),
        ("POST", "/v2/models/m%2Ftrace%2Fsetting"),
        ("POST", "/v2/systemsharedmemory/region/x/register"),
        ("GET", "/metrics"),
        ("GET", "/"),
    ],
)
def test_what_controls_the_model_server_is_not_there(
    gateway: Gateway, upstream: Upstream, method: str, path: str
) -> None:
    reply = gateway.request(method, path, b"{}" if method == "POST" else None)
    assert (reply.status, reply.error["code"]) == (404, "unknown_url")
    assert upstream.received == []


def test_no_header_of_a_client_makes_a_request_a_translated_one(
    gateway: Gateway, upstream: Upstream
) -> None:
    forged = {"x_envoy_original_path": "/v1/embeddings", "seldon_model": "m", "operation": "x"}
    reply = gateway.post("/v2/repository/index", {}, **forged)
    assert (reply.status, reply.error["code"]) == (404, "unknown_url")
    assert upstream.received == []


CONTROL = ("RepositoryModelUnload", "RepositoryIndex", "TraceSetting")


def test_grpc_without_credentials_and_without_control(upstream: Upstream, tmp_path: Path) -> None:
    """Of the model server's methods those that clients need, and none of a client's keys."""
    called: list[tuple[str, dict[str, str]]] = []

    def handler(method: str) -> Any:
        def handle(request: bytes, context: Any) -> bytes:
            called.append((method, dict(context.invocation_metadata())))
            return request

        return grpc.unary_unary_rpc_method_handler(handle)

    methods = {method: handler(method) for method in ("ModelInfer", *CONTROL)}
    server = grpc.server(
        ThreadPoolExecutor(2), handlers=[grpc.method_handlers_generic_handler(SERVICE, methods)]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with (
            stack.gateway(tmp_path, http=upstream.port, grpc=port) as parts,
            grpc.insecure_channel(f"127.0.0.1:{parts.port}") as channel,
        ):
            metadata = [(name, SECRET) for name in CREDENTIALS if name != "cookie"]
            infer = channel.unary_unary(f"/{SERVICE}/ModelInfer")
            assert infer(b"tensors", metadata=[*metadata, ("x-mine", "kept")]) == b"tensors"
            for method in CONTROL:
                with pytest.raises(grpc.RpcError) as caught:
                    channel.unary_unary(f"/{SERVICE}/{method}")(b"", metadata=metadata)
                assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    finally:
        server.stop(None).wait()
    ((method, headers),) = called
    assert method == "ModelInfer"
    assert headers["x-mine"] == "kept"
    assert SECRET not in headers.values()


# --- Any path -------------------------------------------------------------------------------------

BASES = (
    *("", "/v1", "/V1", "/v1/v1", "/api/v1", "/openai", "/openai/v1", "/v1beta/openai", "/v2"),
    *("/openai/deployments/m", "/v2/models/m/infer", "/v2/models/m/versions/1/infer_stream"),
    *("/v2/models/m", "/v2/models/org%2Fm", "/v2/repository", "/v2/pipelines/p/infer"),
)
ENDS = (
    *("/chat/completions", "/Chat/Completions", "/completions", "/embeddings", "/models", "/"),
    *("", "/infer", "/generate_stream", "/ready", "/repository/index", "/load", "/chat"),
)
SLASHES = ("//", "///", "/./", "/x/../", "/%2e/", "/x/%2E%2e/", "%2F", "%2f", "%252F", "\\", "%5C")
TAILS = (
    "",
    "/",
    "//",
    "?api-version=1",
    "?/v2/models/m/infer",
    ";x=1",
    "%20",
    "/..",
    "%3F",
    ".",
    "%2e",
)


def paths(count: int) -> list[str]:
    """Paths that resemble OpenAI's or plain OIP's, the same in each run."""
    chance = random.Random(17)  # noqa: S311 -- no secret
    return [_odd(chance) for _ in range(count)]


def _odd(chance: random.Random) -> str:
    end = chance.choice(("/chat/completions", chance.choice(ENDS)))
    path = chance.choice(BASES) + end or "/"
    for _ in range(chance.choice((0, 0, 1, 2))):
        at = chance.randrange(len(path))
        piece = path[at]
        if piece == "/" and at:
            piece = chance.choice((*SLASHES, ";x/", "/"))
        elif piece.isalpha():
            piece = chance.choice((f"%{ord(piece):02X}", f"%25{ord(piece):02x}", piece.swapcase()))
        path = path[:at] + piece + path[at + 1 :]
    return path + chance.choice(TAILS)


def ask(connection: http.client.HTTPConnection, path: str) -> Reply:
    """Post a chat request with a credential of each kind, and one that no list has."""
    headers = {**SECRETS, "x-vault-token": SECRET, "content-type": "application/json"}
    connection.putrequest("POST", path)
    for name, value in {**headers, "content-length": str(len(BODY))}.items():
        connection.putheader(name, value)
    connection.endheaders(BODY)
    response = connection.getresponse()
    names = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, names, response.read())


def test_no_path_takes_a_credential_to_the_model_or_around_the_filter(
    gateway: Gateway, upstream: Upstream
) -> None:
    outcomes = Counter[str]()
    with closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)) as connection:
        for path in paths(400):
            upstream.reset()
            upstream.answer(oip.answer("Hi"))
            reply = ask(connection, path)
            outcomes[outcome(path, reply, upstream)] += 1
    # All of them have been seen, and none but them.
    assert set(outcomes) == {"served", "plain", "unknown_url", "another error"}


def outcome(path: str, reply: Reply, upstream: Upstream) -> str:
    """What became of a request; it is one of what may become of it."""
    for received in upstream.received:
        assert not {*CREDENTIALS} & {*received.headers}, path
        if "x-envoy-original-path" in received.headers:
            assert received.headers.get("x-vault-token") is None, path
            assert received.path.startswith("/v2/models/"), path
            assert received.path.endswith("/infer"), path
            assert reply.json["object"] == "chat.completion", path
            return "served"
        assert PLAIN.fullmatch(received.path.partition("?")[0]), path
        return "plain"
    assert reply.headers["content-type"] == "application/json", path
    assert set(reply.error) == {"message", "type", "param", "code"}, path
    return "unknown_url" if reply.error["code"] == "unknown_url" else "another error"
