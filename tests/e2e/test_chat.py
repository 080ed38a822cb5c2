"""Chat completions through real Envoy, before a scripted model server."""

import gzip
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import check_output
from typing import Any

import pytest

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Gate, Upstream
from tests.invariants import check_chat_completion, check_chunks

PATH = "/v1/chat/completions"


def request(model: str = "chat", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}


def events(body: bytes) -> list[Any]:
    """The data of an event stream, which must end with one [DONE]."""
    assert body.endswith(b"data: [DONE]\n\n")
    blocks = body.decode().split("\n\n")
    assert blocks[-2:] == ["data: [DONE]", ""]
    assert all(block.startswith("data: ") for block in blocks[:-1])
    return [json.loads(block[6:]) for block in blocks[:-2]]


def text(body: bytes) -> str:
    return "".join(
        choice["delta"].get("content") or ""
        for event in events(body)
        for choice in event["choices"]
    )


@pytest.mark.transport
def test_an_answer_is_a_chat_completion(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hi there"), ce_modelid="chat_1", ce_id="4f5c")
    reply = gateway.post(PATH, request(), x_request_id="req-of-the-client")

    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"] == "req-of-the-client"
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert not [name for name in reply.headers if name.startswith("ce-")]
    completion = reply.json
    assert completion["object"] == "chat.completion"
    assert completion["id"] == "chatcmpl-4f5c"
    assert completion["model"] == "chat"
    assert completion["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi there", "refusal": None},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ]


def test_upstream_gets_an_inference_and_no_credentials(
    gateway: Gateway, upstream: Upstream
) -> None:
    upstream.answer(oip.answer("Hi"))
    gateway.post(
        PATH,
        request(seed=9007199254740993),
        authorization="Bearer sk-secret",
        cookie="session=secret",
        api_key="secret",
        seldon_internal_model="other_1",
        x_seldon_route=":other_1:",
        accept_encoding="gzip, deflate",
        x_request_id="req-1",
    )
    (received,) = upstream.received
    assert received.path == "/v2/models/chat/infer"
    assert received.headers["seldon-model"] == "chat"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["accept-encoding"] == "identity"
    assert received.headers["x-request-id"] == "req-1"
    assert int(received.headers["content-length"]) == len(received.body)
    assert "secret" not in json.dumps(received.headers)
    assert "other_1" not in json.dumps(received.headers)
    assert received.json["parameters"]["llm_parameters"] == {"seed": 9007199254740993}
    assert [tensor["name"] for tensor in received.json["inputs"]] == ["role", "content", "type"]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("path", "model", "upstream_path"),
    [
        ("/v1/chat/completions", "chat", "/v2/models/chat"),
        ("/v1/chat/completions/", "chat", "/v2/models/chat"),
        ("/v1/chat/completions?api-version=1", "chat", "/v2/models/chat"),
        ("/v2/models/chat/infer/chat/completions", "chat", "/v2/models/chat"),
        ("/v2/models/chat/infer_stream/chat/completions", "chat", "/v2/models/chat"),
        ("/v2/models/chat/infer_stream/chat/completions/", "chat", "/v2/models/chat"),
        ("/v2/models/c/versions/3/infer/chat/completions", "c", "/v2/models/c/versions/3"),
        ("/v2/models/infer-my_model.v1/infer/chat/completions", "infer-my_model.v1", None),
        ("/v2/models/infer/infer/chat/completions", "infer", None),
        ("/v1/chat/completions", "org/gpt-4.1", "/v2/models/org%2Fgpt-4.1"),
        ("/v2/models/org%2Fm/infer/chat/completions", "org/m", "/v2/models/org%2Fm"),
    ],
)
def test_the_model_is_in_the_path_and_stream_decides_the_verb(
    gateway: Gateway,
    upstream: Upstream,
    path: str,
    model: str,
    upstream_path: str | None,
    *,
    streamed: bool,
) -> None:
    if streamed:
        upstream.stream(oip.answer("Hi"))
    else:
        upstream.answer(oip.answer("Hi"))
    reply = gateway.post(path, request(model, stream=streamed))

    assert reply.status == 200
    verb = "infer_stream" if streamed else "infer"
    (received,) = upstream.received
    assert received.path == f"{upstream_path or f'/v2/models/{model}'}/{verb}"
    assert received.headers["seldon-model"] == model


def test_a_stream_is_chat_completion_chunks(gateway: Gateway, upstream: Upstream) -> None:
    upstream.stream(oip.answer("Hel"), oip.answer("lo"), ce_modelid="chat_1")
    reply = gateway.post(PATH, request(stream=True), x_request_id="req-2")

    assert reply.status == 200
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["x-request-id"] == "req-2"
    assert "content-length" not in reply.headers
    assert "ce-modelid" not in reply.headers
    assert text(reply.body) == "Hello"
    assert {event["id"] for event in events(reply.body)} == {"chatcmpl-4f5c"}
    assert events(reply.body)[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.transport
def test_an_event_reaches_the_client_before_the_next_one_is_made(
    gateway: Gateway, upstream: Upstream
) -> None:
    gate = Gate()
    upstream.stream(oip.answer("first"), gate, oip.answer("second"))
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request(
        "POST", PATH, json.dumps(request(stream=True)), {"content-type": "application/json"}
    )
    response = connection.getresponse()
    first = response.readline() + response.readline()
    assert b"first" in first

    gate.set()
    rest = response.read()
    connection.close()
    assert text(first + rest) == "firstsecond"


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_events_split_at_any_byte_are_the_same(
    gateway: Gateway, upstream: Upstream, size: int
) -> None:
    whole = b"".join(
        f"data: {json.dumps(oip.answer(part), ensure_ascii=False)}\n\n".encode()
        for part in ("Hé", "l\u2028l", "o 🙂")
    )
    upstream.stream(*(whole[at : at + size] for at in range(0, len(whole), size)))
    reply = gateway.post(PATH, request(stream=True))
    assert text(reply.body) == "Hél\u2028lo 🙂"


@pytest.mark.transport
def test_bodies_of_ten_megabytes_pass_both_ways(gateway: Gateway, upstream: Upstream) -> None:
    url = "data:image/png;base64," + "A" * 10_000_000
    content = [{"type": "image_url", "image_url": {"url": url}}]
    upstream.answer(oip.answer("B" * 10_000_000))
    reply = gateway.post(
        PATH, {"model": "chat", "messages": [{"role": "user", "content": content}]}
    )
    assert reply.status == 200
    assert reply.json["choices"][0]["message"]["content"] == "B" * 10_000_000
    (sent,) = upstream.received[0].json["inputs"][1]["data"]
    assert json.loads(sent) == {"url": url}


def test_a_gzipped_request_and_a_gzipped_answer(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer(gzip.compress(json.dumps(oip.answer("Hi")).encode()), content_encoding="gzip")
    body = gzip.compress(json.dumps(request()).encode())
    reply = gateway.post(PATH, body, content_encoding="gzip")
    assert reply.status == 200
    assert "content-encoding" not in reply.headers
    assert reply.json["choices"][0]["message"]["content"] == "Hi"
    assert "content-encoding" not in upstream.received[0].headers


@pytest.mark.parametrize("streamed", [False, True])
def test_http2_clients(gateway: Gateway, upstream: Upstream, *, streamed: bool) -> None:
    if streamed:
        upstream.stream(oip.answer("Hel"), oip.answer("lo"))
    else:
        upstream.answer(oip.answer("Hello"))
    options = ["--http2-prior-knowledge", "-sSN", "-H", "content-type: application/json"]
    out = check_output(  # noqa: S603 -- curl on loopback
        ["curl", *options, "-d", json.dumps(request(stream=streamed)), gateway.url + PATH]  # noqa: S607 -- wherever it is
    )
    if streamed:
        assert text(out) == "Hello"
    else:
        assert json.loads(out)["choices"][0]["message"]["content"] == "Hello"


@pytest.mark.transport
def test_many_requests_share_one_gateway(gateway: Gateway, upstream: Upstream) -> None:
    for _ in range(200):
        upstream.answer(oip.answer("Hi"))
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: gateway.post(PATH, request()).status, range(200)))
    assert replies == [200] * 200


def test_a_streamed_request_answered_whole_is_a_stream(
    gateway: Gateway, upstream: Upstream
) -> None:
    upstream.answer(oip.answer("Hello"))
    reply = gateway.post(PATH, request(stream=True))
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    check_chunks(events(reply.body))
    assert text(reply.body) == "Hello"


def test_events_that_nobody_asked_for_are_one_answer(gateway: Gateway, upstream: Upstream) -> None:
    upstream.stream(oip.answer("Hel"), oip.answer("lo"))
    reply = gateway.post(PATH, request())
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert int(reply.headers["content-length"]) == len(reply.body)
    check_chat_completion(reply.json)
    assert reply.json["choices"][0]["message"]["content"] == "Hello"


@pytest.mark.parametrize("bad", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
def test_every_answer_has_openais_headers(
    gateway: Gateway, upstream: Upstream, *, streamed: bool, bad: bool
) -> None:
    upstream.stream(oip.answer("Hello"))
    body = request(stream=streamed, n=0 if bad else 1)
    reply = gateway.post(PATH, body, x_request_id="req-1")
    assert reply.status == (400 if bad else 200)
    assert reply.headers["x-request-id"] == "req-1"
    assert reply.headers["openai-version"] == "2020-10-01"
    assert int(reply.headers["openai-processing-ms"]) >= 0


def test_a_request_id_that_is_a_uuid_comes_back_as_sent(
    gateway: Gateway, upstream: Upstream
) -> None:
    sent = "0199f1de-6a06-7d7c-b8d0-0b7e1e9c5a11"  # version 7: Envoy writes a 4
    upstream.answer(oip.answer("Hi"))
    reply = gateway.post(PATH, request(), x_request_id=sent)
    (received,) = upstream.received
    assert (reply.headers["x-request-id"], received.headers["x-request-id"]) == (sent, sent)


def test_processing_ms_is_how_long_the_model_took(gateway: Gateway, upstream: Upstream) -> None:
    gate = Gate()
    upstream.stream(gate, oip.answer("Hello"))
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(gateway.post, PATH, request())
        while not upstream.received:
            assert not pending.done()
        threading.Timer(0.3, gate.set).start()  # the translator has been counting for longer
        reply = pending.result(20)
    assert int(reply.headers["openai-processing-ms"]) >= 300


def test_routes_of_an_experiment_are_kept_to_when_that_is_wanted(
    upstream: Upstream, tmp_path: Path
) -> None:
    upstream.answer(oip.answer("Hi"), x_seldon_route=":chat_1:", ce_id="1")
    settings = ["--sticky-routes"]
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=settings) as parts:
        reply = Gateway(*parts).post(PATH, request(), x_seldon_route=":chat_1:")
    assert upstream.received[0].headers["x-seldon-route"] == ":chat_1:"
    assert reply.headers["x-seldon-route"] == ":chat_1:"
    assert "ce-id" not in reply.headers


def test_a_credential_that_a_model_needs_is_let_through(upstream: Upstream, tmp_path: Path) -> None:
    upstream.answer(oip.answer("Hi"))
    options = ["--forward-headers", "authorization"]
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=options) as parts:
        Gateway(*parts).post(PATH, request(), authorization="Bearer x", cookie="secret")
    headers = upstream.received[0].headers
    assert headers["authorization"] == "Bearer x"
    assert "cookie" not in headers
