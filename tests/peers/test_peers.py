"""Every peer supports its scenarios."""

import http.client
import json
from array import array
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bench import bodies
from bench.exchange import Exchange
from bench.peers import CHAT, CHAT_STREAM, EMBEDDINGS, EMBEDDINGS_BASE64, PEERS, Peer
from demo import stack
from tests import oip
from tests.e2e.upstream import Gate, Upstream

TRANSLATING = [peer for peer in PEERS if not peer.answers]
CHAT_PATH = bodies.small_chat().openai_path
STREAMED = {**json.loads(bodies.small_chat().openai_request), "stream": True}
VECTORS = bodies.embeddings(2, 3)


@contextmanager
def posted(port: int, path: str, body: bytes) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", path, body, {"content-type": "application/json"})
    yield connection.getresponse()
    connection.close()


def ask(port: int, exchange: Exchange) -> Any:
    with posted(port, exchange.openai_path, exchange.openai_request) as response:
        assert response.status == 200
        return json.loads(response.read())


def chat(peer: Peer, port: int, upstream: Upstream) -> None:
    exchange = bodies.small_chat()
    upstream.answer(next(iter(peer.answers.values()), exchange.oip_response))
    answer = ask(port, exchange)
    assert answer["choices"][0]["message"]["content"] == bodies.CONTENT
    assert answer["model"] == "chat"
    (asked,) = upstream.received
    assert asked.path == next(iter(peer.answers), exchange.oip_path)
    for message in json.loads(exchange.openai_request)["messages"]:
        assert message["content"].encode() in asked.body


def chat_stream(peer: Peer, port: int, upstream: Upstream) -> None:
    gate = Gate()
    first, last = ({"text_output": "Bucha"}, {"text_output": "rest"})
    if not peer.answers:
        first, last = oip.answer("Bucha"), oip.answer("rest")
    upstream.stream(first, gate, last)
    with posted(port, CHAT_PATH, json.dumps(STREAMED).encode()) as response:
        assert response.status == 200
        assert response.headers.get_content_type() == "text/event-stream"
        # The first event is here before the model server writes the second.
        begun = response.readline()
        gate.set()
        rest = response.read()
    *events, done = [line.removeprefix(b"data: ") for line in (begun + rest).splitlines() if line]
    assert done == b"[DONE]"
    choices = [json.loads(event)["choices"][0] for event in events]
    assert "".join(choice["delta"].get("content") or "" for choice in choices) == "Bucharest"
    assert choices[-1]["finish_reason"] == "stop"


def embeddings(_: Peer, port: int, upstream: Upstream) -> None:
    upstream.answer(VECTORS.oip_response)
    answer = ask(port, VECTORS)
    assert upstream.received[0].path == VECTORS.oip_path
    assert [item["index"] for item in answer["data"]] == [0, 1]
    assert [number for item in answer["data"] for number in item["embedding"]] == numbers()


def embeddings_base64(_: Peer, port: int, upstream: Upstream) -> None:
    upstream.answer(VECTORS.oip_response)
    answer = ask(port, bodies.embeddings(2, 3, base64=True))
    texts = [b64decode(item["embedding"]) for item in answer["data"]]
    assert list(array("f", b"".join(texts))) == numbers()


def numbers() -> list[float]:
    (tensor,) = json.loads(VECTORS.oip_response)["outputs"]
    return list(tensor["data"])


CHECKS: dict[str, Callable[[Peer, int, Upstream], None]] = {
    CHAT: chat,
    CHAT_STREAM: chat_stream,
    EMBEDDINGS: embeddings,
    EMBEDDINGS_BASE64: embeddings_base64,
}


@pytest.mark.parametrize(
    ("peer", "scenario"),
    [
        pytest.param(peer, scenario, id=f"{peer.name}: {scenario}")
        for peer in PEERS
        for scenario in sorted(peer.scenarios)
    ],
)
def test_each_peer_supports_its_scenarios(
    peer: Peer, scenario: str, ports: dict[str, int], upstream: Upstream
) -> None:
    CHECKS[scenario](peer, ports[peer.name], upstream)


def translating(test: Callable[..., None]) -> Any:
    return pytest.mark.parametrize("peer", TRANSLATING, ids=[one.name for one in TRANSLATING])(test)


@translating
def test_a_status_and_a_message_are_passed_on_as_openai_says_them(
    peer: Peer, ports: dict[str, int], upstream: Upstream
) -> None:
    upstream.answer({"error": "Too many tokens."}, status="422 Unprocessable Entity")
    with posted(ports[peer.name], CHAT_PATH, bodies.small_chat().openai_request) as response:
        assert response.status == 422
        assert json.loads(response.read())["error"]["message"] == "Too many tokens."


@translating
def test_a_bad_request_never_reaches_a_model(
    peer: Peer, ports: dict[str, int], upstream: Upstream
) -> None:
    with posted(ports[peer.name], CHAT_PATH, b'{"model": "chat"}') as response:
        assert response.status == 400
        assert json.loads(response.read())["error"]["param"] == "messages"
    assert not upstream.received


@translating
def test_a_refused_stream_is_a_status(
    peer: Peer, ports: dict[str, int], upstream: Upstream
) -> None:
    upstream.answer({"error": "No such thing."}, status="400 Bad Request")
    with posted(ports[peer.name], CHAT_PATH, json.dumps(STREAMED).encode()) as response:
        assert response.status == 400


@translating
def test_a_stream_that_breaks_off_ends_with_an_error(
    peer: Peer, ports: dict[str, int], upstream: Upstream
) -> None:
    upstream.stream(oip.answer("Bucha"), abort=True)
    with posted(ports[peer.name], CHAT_PATH, json.dumps(STREAMED).encode()) as response:
        *_, error, done = [line for line in response.read().splitlines() if line]
    assert b'"code":"bad_gateway"' in error
    assert done == b"data: [DONE]"


@translating
def test_a_model_server_that_is_not_there_is_502(
    peer: Peer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port, nowhere = stack.free_port(), stack.free_port()
    with (
        peer.server(port, nowhere, tmp_path_factory.mktemp("alone")),
        posted(port, CHAT_PATH, bodies.small_chat().openai_request) as response,
    ):
        assert response.status == 502
        assert json.loads(response.read())["error"]["code"] == "bad_gateway"
