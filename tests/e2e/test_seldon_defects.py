"""What Seldon Core 2.10's translator gets wrong, done right: one number per defect.

The numbers are those of docs/wire-contract.md, where each defect is described:

* 01-02 which URLs there are, and what decides whether an answer is streamed
* 03-07 event streams: their end, their framing, their errors
* 08-12 errors: what the client is told, who tries again, what stays open, what crashes
* 13-17 one answer: its end, its fields, its tool calls
* 18-20 names of models, and paths that are not OpenAI's
* 21-24 requests, to the last field and digit
* 25-27 embeddings, compression, images
* 28-31 many at once, limits, traces; experiments, pipelines and gRPC
"""

import base64
import gzip
import http.client
import json
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
from openai import OpenAI
from openai.types.chat import ChatCompletionMessage
from tritonclient.utils import InferenceServerException

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway, Reply, send
from tests.e2e.retrying import retrying_envoy
from tests.e2e.upstream import Gate, Received, Upstream

CHAT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"
IMAGES = "/v1/images/generations"
MIB = 1024 * 1024
NOTHING = oip.response(oip.text("role"), oip.text("content"), oip.text("type"))
"""A response, or an event, whose tensors are there and have no elements."""


def chat(model: str = "chat", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}


def event(response: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(response)}\n\n".encode()


def events(body: bytes) -> list[Any]:
    """The data of an event stream: one line each, and one [DONE], which is the last."""
    *blocks, done, end = body.decode().split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def choices(body: bytes) -> list[dict[str, Any]]:
    return [choice for chunk in events(body) for choice in chunk["choices"]]


def said(body: bytes) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in choices(body))


@contextmanager
def begun(gateway: Gateway, body: dict[str, Any]) -> Iterator[http.client.HTTPResponse]:
    """The answer to a chat completion from its headers on; leaving hangs up."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    connection.request("POST", CHAT, json.dumps(body), {"content-type": "application/json"})
    response = connection.getresponse()
    try:
        yield response
    finally:
        response.close()
        connection.close()


def next_event(response: http.client.HTTPResponse) -> bytes:
    line = response.readline()
    assert line.startswith(b"data: ")
    assert response.readline() == b"\n"
    return line


def tensors(received: Received) -> dict[str, list[Any]]:
    """The data of each input, whose shape must say as many elements as there are."""
    inputs = received.json["inputs"]
    assert all(tensor["shape"] == [len(tensor["data"])] for tensor in inputs)
    return {tensor["name"]: tensor["data"] for tensor in inputs}


def vectors(shape: list[int], data: list[Any], **extra: Any) -> dict[str, Any]:
    output = {"name": "embedding", "datatype": "FP32", "shape": shape, "data": data}
    return oip.response(output, **extra)


def stat(gateway: Gateway, name: str) -> int:
    """A counter or gauge of Envoy's; 0 where there is none yet."""
    found = gateway.get_admin(f"/stats?filter={name}&format=json").json["stats"]
    return sum(int(item["value"]) for item in found if item.get("name") == name)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline


# 01-02: URLs


def test_01_one_base_url_serves_every_model_and_operation(
    gateway: Gateway, upstream: Upstream
) -> None:
    picture = json.dumps({"created": 1, "data": [{"b64_json": "aGk="}]})
    upstream.answer(oip.answer("Hi"))
    upstream.answer(oip.answer("Hi"))
    upstream.answer(vectors([1, 2], [1, 2]))
    upstream.answer(oip.response(oip.text("output_all", picture)))
    requests: list[tuple[str, dict[str, Any]]] = [
        (CHAT, chat("one")),
        (CHAT, chat("two")),
        (EMBEDDINGS, {"model": "three", "input": "Hi"}),
        (IMAGES, {"model": "four", "prompt": "Hi"}),
    ]
    assert [gateway.post(path, body).status for path, body in requests] == [200] * 4
    paths = [received.path for received in upstream.received]
    assert paths == [f"/v2/models/{name}/infer" for name in ("one", "two", "three", "four")]


@pytest.mark.parametrize("operation", ["completions", "responses", "audio/speech", "moderations"])
def test_01_an_operation_that_is_not_served_is_an_openai_error(
    gateway: Gateway, upstream: Upstream, operation: str
) -> None:
    reply = gateway.post(f"/v1/{operation}", {"model": "chat", "input": "Hi"})
    assert (reply.status, reply.error["code"]) == (404, "unknown_url")
    assert upstream.received == []


@pytest.mark.parametrize("verb", ["infer", "infer_stream"])
def test_02_the_body_decides_whether_an_answer_is_streamed(
    gateway: Gateway, upstream: Upstream, verb: str
) -> None:
    path = f"/v2/models/chat/{verb}/chat/completions"
    upstream.stream(oip.answer("Hel"), oip.answer("lo"))
    upstream.answer(oip.answer("Hello"))
    streamed = gateway.post(path, chat(stream=True))
    whole = gateway.post(path, chat(stream=False))
    assert said(streamed.body) == "Hello"
    assert whole.json["object"] == "chat.completion"
    paths = [received.path for received in upstream.received]
    assert paths == ["/v2/models/chat/infer_stream", "/v2/models/chat/infer"]


# 03-07: event streams


@pytest.mark.parametrize(
    "pieces",
    [
        [oip.answer("Hello")],
        [oip.answer("Hello"), "data: [DONE]\n\n"],
        [": ping\n\n", oip.answer("Hel"), ": ping\n\n", oip.answer("lo"), ": ping\n\n"],
    ],
    ids=["nothing special", "upstream says so too", "comments between events"],
)
def test_03_a_stream_ends_with_one_done(
    gateway: Gateway, upstream: Upstream, pieces: list[Any]
) -> None:
    upstream.stream(*pieces)
    reply = gateway.post(CHAT, chat(stream=True))
    assert said(reply.body) == "Hello"
    assert reply.body.count(b"[DONE]") == 1


def test_04_events_that_arrive_together_or_in_halves_all_get_through(
    gateway: Gateway, upstream: Upstream
) -> None:
    last, gate = event(oip.answer("D")), Gate()
    together = b"".join(event(oip.answer(letter)) for letter in "ABC")
    upstream.stream(together + last[:40], gate, last[40:])
    with begun(gateway, chat(stream=True)) as response:
        first = b"".join(next_event(response) + b"\n" for _ in "ABC")
        gate.set()
        assert said(first + response.read()) == "ABCD"


@pytest.mark.transport
@pytest.mark.parametrize("place", [0, 1])
def test_05_an_event_may_be_five_megabytes(
    gateway: Gateway, upstream: Upstream, place: int
) -> None:
    parts = ["small", "small"]
    parts[place] = "x" * 5_000_000
    upstream.stream(*map(oip.answer, parts))
    reply = gateway.post(CHAT, chat(stream=True))
    assert said(reply.body) == "".join(parts)


def test_06_an_indented_chunk_is_one_line(gateway: Gateway, upstream: Upstream) -> None:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt"}
    deltas = [({"role": "assistant", "content": "a\n\nb"}, None), ({}, "stop")]
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        for delta, reason in deltas
    ]
    texts = [json.dumps(chunk, indent=2) for chunk in chunks]
    upstream.stream(*(oip.response(oip.text("output_all", text)) for text in texts))
    reply = gateway.post(CHAT, chat(stream=True))
    assert events(reply.body) == chunks


@pytest.mark.transport
@pytest.mark.parametrize(
    ("broken", "message"),
    [({"error": "out of memory"}, "out of memory"), ("data: {nonsense\n\n", "understood")],
)
def test_07_an_error_inside_a_stream_is_an_error_event(
    gateway: Gateway, upstream: Upstream, broken: Any, message: str
) -> None:
    upstream.stream(oip.answer("Hel"), broken, oip.answer("lo"))
    reply = gateway.post(CHAT, chat(stream=True))
    assert reply.status == 200
    *before, last = events(reply.body)
    assert [chunk["choices"][0]["delta"]["content"] for chunk in before] == ["Hel"]
    assert last["error"]["type"] == "server_error"
    assert message in last["error"]["message"]


def test_07_lines_may_end_in_crlf(gateway: Gateway, upstream: Upstream) -> None:
    upstream.stream(
        *(event(oip.answer(part)).replace(b"\n", b"\r\n") for part in ("Hel", "lo")),
    )
    assert said(gateway.post(CHAT, chat(stream=True)).body) == "Hello"


# 08-12: errors


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("status", "kind", "body", "message"),
    [
        ("400 Bad Request", "application/json", '{"error": "bad tensor"}', "bad tensor"),
        ("404 Not Found", None, "", "`chat` does not exist"),
        (
            "422 Unprocessable Entity",
            "application/json",
            '{"detail": [{"type": "missing", "loc": ["body", "inputs"], "msg": "Field required"}]}',
            "Field required",
        ),
        ("429 Too Many Requests", "text/plain", "slow down", "slow down"),
        ("500 Internal Server Error", "text/plain", "Internal Server Error", ""),
        ("503 Service Unavailable", "application/json", '{"error": "loading"}', "loading"),
    ],
)
def test_08_an_upstream_error_keeps_its_status_and_message(
    gateway: Gateway,
    upstream: Upstream,
    status: str,
    kind: str | None,
    body: str,
    message: str,
    *,
    streamed: bool,
) -> None:
    upstream.answer(body, status=status, content_type=kind)
    reply = gateway.post(CHAT, chat(stream=streamed))
    assert reply.status == int(status[:3])
    assert reply.headers["content-type"] == "application/json"
    assert message in reply.error["message"]


@pytest.mark.parametrize("body", [b"{", b'{"model": "chat"}', b'{"model": 1, "messages": []}'])
def test_08_a_bad_request_is_an_openai_error(
    gateway: Gateway, upstream: Upstream, body: bytes
) -> None:
    reply = gateway.post(CHAT, body)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
    assert reply.error["type"] == "invalid_request_error"
    assert upstream.received == []


@pytest.fixture(scope="module")
def impatient(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an Envoy that tries again on 5xx, before the gateway."""
    with retrying_envoy(gateway.port, tmp_path_factory.mktemp("front")) as port:
        yield port


UNREADABLE: dict[str, tuple[bytes, dict[str, str]]] = {
    "not JSON": (b"{", {}),
    "not an OIP response": (b"[]", {}),
    "without outputs": (b'{"outputs": []}', {}),
    "without elements": (json.dumps(NOTHING).encode(), {}),
    "without a body": (b"", {}),
    "not in its encoding": (b"plain", {"content_encoding": "gzip"}),
    "in an unknown encoding": (b"?", {"content_encoding": "rot13"}),
}
"""Answers with status 200 that are none: the body, and headers that tell of it."""


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", UNREADABLE)
def test_09_an_answer_that_cannot_be_translated_is_asked_for_once(
    gateway: Gateway, impatient: int, upstream: Upstream, name: str, *, streamed: bool
) -> None:
    body, headers = UNREADABLE[name]
    request = json.dumps(chat(stream=streamed)).encode()
    replies, inferences = [], []
    for port in (gateway.port, impatient):
        upstream.reset()
        for _ in range(10):
            upstream.answer(body, **headers)
        replies.append(send(port, "POST", CHAT, request, content_type="application/json"))
        inferences.append(len(upstream.received))
    assert inferences == [1, 1]
    for reply in replies:
        assert (reply.status, reply.error["type"]) == (502, "server_error")
        assert reply.headers["x-envoy-ratelimited"] == "true"
        assert reply.headers["x-should-retry"] == "false"


def test_09_a_server_that_is_not_available_may_be_asked_again(
    gateway: Gateway, impatient: int, upstream: Upstream
) -> None:
    request = json.dumps(chat()).encode()
    outcomes = {}
    for port in (gateway.port, impatient):
        upstream.reset()
        for _ in range(2):
            upstream.answer('{"error": "loading"}', status="503 Service Unavailable")
        upstream.answer(oip.answer("Hi"))
        reply = send(port, "POST", CHAT, request, content_type="application/json")
        outcomes[port] = (reply.status, len(upstream.received))
        assert "x-envoy-ratelimited" not in reply.headers
    assert outcomes == {gateway.port: (503, 1), impatient: (200, 3)}


def test_10_errors_have_a_request_id_a_json_body_and_are_counted(
    gateway: Gateway, upstream: Upstream
) -> None:
    counters = [f"http.gateway.downstream_rq_{group}xx" for group in (4, 5)]
    before = [stat(gateway, name) for name in counters]
    upstream.answer("{")
    upstream.answer("{")
    replies = [
        gateway.post(CHAT, chat(), x_request_id="the-clients"),
        gateway.post(CHAT, chat()),
        gateway.post(CHAT, {}, x_request_id="the-clients"),
        gateway.post(CHAT, {}),
    ]
    assert [reply.status for reply in replies] == [502, 502, 400, 400]
    assert [reply.headers["content-type"] for reply in replies] == ["application/json"] * 4
    identities = [reply.headers["x-request-id"] for reply in replies]
    assert identities[::2] == ["the-clients"] * 2
    assert all(identities[1::2])
    assert identities[1] != identities[3]
    wait_until(lambda: [stat(gateway, name) for name in counters] == [n + 2 for n in before])


def test_11_streams_that_fail_leave_nothing_open(gateway: Gateway, upstream: Upstream) -> None:
    requests, connections = (f"cluster.oip_http.upstream_{kind}_active" for kind in ("rq", "cx"))
    before, gate = stat(gateway, connections), Gate()
    for _ in range(60):
        # Upstream does not end the stream by itself: only a closed connection ends it.
        upstream.stream("data: {nonsense\n\n", gate)
        with begun(gateway, chat(stream=True)) as response:
            assert b'"error"' in next_event(response)
            assert next_event(response) == b"data: [DONE]\n"
            assert min(stat(gateway, requests), stat(gateway, connections)) > 0
    wait_until(lambda: stat(gateway, requests) == 0 and stat(gateway, connections) <= before)
    assert len(upstream.received) == 60
    upstream.answer(oip.answer("Hi"))
    assert gateway.post(CHAT, chat()).status == 200
    gate.set()


def still_serves(gateway: Gateway, upstream: Upstream) -> bool:
    """Whether the translator that was there is there, and answers."""
    upstream.answer(oip.answer("Hi"))
    return gateway.post(CHAT, chat()).status == 200 and gateway.translator.poll() is None


def test_12_an_answer_without_elements_is_an_openai_error(
    gateway: Gateway, upstream: Upstream
) -> None:
    for response in (NOTHING, oip.response(oip.text("output_all"))):
        upstream.answer(response)
        reply = gateway.post(CHAT, chat())
        assert (reply.status, reply.error["type"]) == (502, "server_error")
    assert still_serves(gateway, upstream)


def test_12_a_stream_without_elements_ends_in_an_error_event(
    gateway: Gateway, upstream: Upstream
) -> None:
    upstream.stream(NOTHING, NOTHING)
    reply = gateway.post(CHAT, chat(stream=True))
    (only,) = events(reply.body)
    assert only["error"]["type"] == "server_error"

    upstream.stream(oip.response(oip.text("output_all")))
    reply = gateway.post(CHAT, chat(stream=True))
    (only,) = events(reply.body)
    assert only["error"]["type"] == "server_error"
    assert still_serves(gateway, upstream)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_12_an_event_without_elements_adds_nothing_to_a_stream(
    gateway: Gateway, upstream: Upstream, place: int
) -> None:
    pieces = [oip.answer("Hel"), oip.answer("lo")]
    pieces.insert(place, NOTHING)
    upstream.stream(*pieces)
    reply = gateway.post(CHAT, chat(stream=True))
    assert said(reply.body) == "Hello"
    assert choices(reply.body)[-1]["finish_reason"] == "stop"
    assert still_serves(gateway, upstream)


def test_12_embeddings_may_be_nested(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer(vectors([2, 2], [[1, 2], [3, 4]]))
    reply = gateway.post(EMBEDDINGS, {"model": "e", "input": ["a", "b"]})
    assert [item["embedding"] for item in reply.json["data"]] == [[1, 2], [3, 4]]
    assert still_serves(gateway, upstream)


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        ([2, 3], [1, 2, 3, 4]),
        ([2, 2], []),
        ([0, 2], []),
        ([0, 2], [1, 2]),
        ([-2, 2], [1, 2, 3, 4]),
        ([3, 2], [1, 2, 3, 4, 5, 6]),
        ([], [[1, 2], [3, 4]]),
        ([2, 2], [[1, 2], []]),
        ([2, 1], ["one", "two"]),
    ],
)
def test_12_embeddings_of_a_wrong_shape_are_an_openai_error(
    gateway: Gateway, upstream: Upstream, shape: list[int], data: list[Any]
) -> None:
    upstream.answer(vectors(shape, data))
    reply = gateway.post(EMBEDDINGS, {"model": "e", "input": ["a", "b"]})
    assert (reply.status, reply.error["type"]) == (502, "server_error")
    assert still_serves(gateway, upstream)


# 13-17: one answer


@pytest.mark.transport
def test_13_a_client_that_hangs_up_ends_an_inference_that_is_not_streamed(
    gateway: Gateway, upstream: Upstream
) -> None:
    gates = [Gate() for _ in range(100)]
    pieces = [piece for gate in gates for piece in (gate, b" ")]
    upstream.stream(*pieces, content_type="application/json")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    connection.request("POST", CHAT, json.dumps(chat()), {"content-type": "application/json"})
    wait_until(lambda: bool(upstream.received))
    connection.close()
    # Upstream sees the end of the connection when it writes, so let it, until it does.
    for gate in gates:
        gate.set()
        if upstream.hung_up.wait(0.1):
            break
    assert upstream.hung_up.is_set()


def test_14_every_choice_and_every_field_of_an_answer_is_there(
    gateway: Gateway, upstream: Upstream
) -> None:
    logprobs = {"content": [{"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": []}]}
    upstream.answer(
        oip.response(
            oip.text("role", "assistant", "assistant"),
            oip.text("content", "first", "second"),
            oip.text("finish_reason", "length", "stop"),
            oip.text("logprobs", json.dumps(logprobs), ""),
            parameters={"num_input_tokens": 3, "num_output_tokens": 5},
        )
    )
    before = int(time.time())
    answer = gateway.post(CHAT, chat(n=2, logprobs=True)).json
    assert before <= answer["created"] <= time.time()
    assert (answer["id"], answer["model"]) == ("chatcmpl-4f5c", "chat")
    first, second = answer["choices"]
    assert (first["index"], second["index"]) == (0, 1)
    assert (first["message"]["content"], second["message"]["content"]) == ("first", "second")
    assert (first["finish_reason"], second["finish_reason"]) == ("length", "stop")
    assert first["logprobs"]["content"] == logprobs["content"]
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    assert answer["usage"] == usage


CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
CALLS = {
    "an object": json.dumps(CALL),
    "a list of objects": json.dumps([CALL]),
    "a list of JSON texts": json.dumps([json.dumps(CALL)]),
}


@pytest.mark.parametrize("name", CALLS)
def test_15_tool_calls_of_a_runtime_without_output_all_are_there(
    gateway: Gateway, upstream: Upstream, name: str
) -> None:
    response = oip.response(
        oip.text("role", "assistant"), oip.text("content", ""), oip.text("tool_calls", CALLS[name])
    )
    upstream.answer(response)
    upstream.stream(response)
    (choice,) = gateway.post(CHAT, chat()).json["choices"]
    assert choice["message"]["tool_calls"] == [CALL]
    assert choice["finish_reason"] == "tool_calls"

    first, last = choices(gateway.post(CHAT, chat(stream=True)).body)
    assert first["delta"]["tool_calls"] == [{"index": 0, **CALL}]
    assert last["finish_reason"] == "tool_calls"


def test_16_an_answer_needs_no_id(gateway: Gateway, upstream: Upstream) -> None:
    answer = {"outputs": oip.answer("Hi")["outputs"]}
    upstream.answer(answer)
    upstream.stream(answer, answer)
    whole = gateway.post(CHAT, chat()).json
    assert whole["id"].startswith("chatcmpl-")
    assert whole["choices"][0]["message"]["content"] == "Hi"

    chunks = events(gateway.post(CHAT, chat(stream=True)).body)
    (identity,) = {chunk["id"] for chunk in chunks}
    assert identity.startswith("chatcmpl-")
    assert identity != whole["id"]


def test_17_a_stream_has_one_role_one_finish_and_the_usage_that_was_asked_for(
    gateway: Gateway, upstream: Upstream
) -> None:
    pieces: list[dict[str, Any]] = [oip.answer("Hel"), oip.answer("lo")]
    pieces[-1]["parameters"] = {"num_input_tokens": 3, "num_output_tokens": 2}
    upstream.stream(*pieces)
    upstream.stream(*pieces)
    with_usage: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    asked = gateway.post(CHAT, chat(**with_usage)).body
    roles = [choice["delta"].get("role") for choice in choices(asked)]
    assert roles == ["assistant", None, None]
    assert [choice["finish_reason"] for choice in choices(asked)] == [None, None, "stop"]
    *others, last = events(asked)
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 5)
    assert [chunk["usage"] for chunk in others] == [None] * 3

    unasked = events(gateway.post(CHAT, chat(stream=True)).body)
    assert len(unasked) == 3
    assert not any("usage" in chunk for chunk in unasked)


# 18-20: names and paths


@pytest.mark.parametrize("path", [CHAT, "/v2/models/{}/infer/chat/completions"])
@pytest.mark.parametrize("model", ["my_model", "my_model_2", "gpt-4.1", "a.b_c-d"])
def test_18_a_name_may_have_underscores_and_dots(
    gateway: Gateway, upstream: Upstream, model: str, path: str
) -> None:
    upstream.answer(oip.answer("Hi"))
    reply = gateway.post(path.format(model), chat(model))
    assert (reply.status, reply.json["model"]) == (200, model)
    (received,) = upstream.received
    assert received.path == f"/v2/models/{model}/infer"
    assert received.headers["seldon-model"] == model


def test_18_another_candidate_of_an_experiment_may_answer(
    gateway: Gateway, upstream: Upstream
) -> None:
    upstream.answer({**oip.answer("Hi"), "model_name": "cand-b_1"})
    reply = gateway.post("/v2/models/cand-a/infer/chat/completions", chat("cand-a"))
    assert (reply.status, reply.json["model"]) == (200, "cand-a")


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("model", ["infer", "infer-model", "infer_stream", "inference"])
def test_19_a_name_may_begin_with_infer_and_a_path_may_end_in_a_slash(
    gateway: Gateway, upstream: Upstream, model: str, slash: str
) -> None:
    upstream.answer(oip.answer("Hi"))
    reply = gateway.post(f"/v2/models/{model}/infer/chat/completions{slash}", chat(model))
    assert (reply.status, reply.json["object"]) == (200, "chat.completion")
    assert [received.path for received in upstream.received] == [f"/v2/models/{model}/infer"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2"),
        ("GET", "/v2/health/ready"),
        ("GET", "/v2/models/chat"),
        ("GET", "/v2/models/chat/ready"),
        ("GET", "/v2/models/chat/versions/1/ready"),
        ("POST", "/v2/models/chat/generate"),
        ("POST", "/v2/models/chat/generate_stream"),
    ],
)
def test_20_paths_that_are_not_openais_pass_untouched(
    gateway: Gateway, upstream: Upstream, method: str, path: str
) -> None:
    asked, answer = b'{ "text_input": "Hi" }' if method == "POST" else b"", b'{ "id":"42" }'
    upstream.answer(answer)
    reply = gateway.request(method, path, asked or None, content_type="application/json")
    assert (reply.status, reply.body) == (200, answer)
    (received,) = upstream.received
    assert (received.method, received.path, received.body) == (method, path, asked)


def test_20_a_real_servers_metadata_can_be_read(model_gateway: Gateway) -> None:
    assert model_gateway.request("GET", "/v2/models/chatgpt/ready").status == 200
    metadata = model_gateway.request("GET", "/v2/models/chatgpt")
    assert (metadata.status, metadata.json["name"]) == (200, "chatgpt")


# 21-24: requests


def test_21_a_message_as_an_sdk_dumps_it_is_an_ordinary_message(
    gateway: Gateway, upstream: Upstream
) -> None:
    dumped = ChatCompletionMessage(role="assistant", content="Hello").model_dump()
    assert dumped["tool_calls"] is None
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    for history in (messages, [messages[0], dumped]):
        upstream.answer(oip.answer("Hi"))
        assert gateway.post(CHAT, {"model": "chat", "messages": history}).status == 200
    plain, with_nulls = upstream.received
    assert with_nulls.json == plain.json
    assert set(tensors(plain)) == {"role", "content", "type"}


def test_22_the_rare_fields_of_a_message_are_sent(gateway: Gateway, upstream: Upstream) -> None:
    messages: list[dict[str, Any]] = [
        {"role": "user", "name": "Ada", "content": ["one", {"type": "text", "text": "two"}]},
        {"role": "assistant", "content": None, "refusal": "No.", "audio": {"id": "audio_1"}},
        {
            "role": "assistant",
            "reasoning_content": "f tells.",
            "function_call": {"name": "f", "arguments": "{}"},
        },
    ]
    upstream.answer(oip.answer("Hi"))
    assert gateway.post(CHAT, {"model": "chat", "messages": messages}).status == 200
    sent = tensors(upstream.received[0])
    assert sent["name"] == ["Ada", "", ""]
    assert [json.loads(parts) for parts in sent["content"]] == [["one", "two"], [""], [""]]
    assert sent["refusal"] == ["", "No.", ""]
    assert json.loads(sent["audio"][1]) == {"id": "audio_1"}
    assert json.loads(sent["function_call"][2]) == {"name": "f", "arguments": "{}"}
    assert sent["reasoning_content"] == ["", "", "f tells."]


def test_22_tool_choice_without_tools_and_empty_content_are_sent(
    gateway: Gateway, upstream: Upstream
) -> None:
    contents: list[Any] = ["", None, []]
    for content in contents:
        upstream.answer(oip.answer("Hi"))
        messages = [{"role": "user", "content": content}]
        body = {"model": "chat", "messages": messages, "tool_choice": "none"}
        assert gateway.post(CHAT, body).status == 200
    for received in upstream.received:
        assert tensors(received) == {"role": ["user"], "content": [""], "type": ["text"]}
        assert received.json["parameters"]["llm_parameters"] == {"tool_choice": "none"}


def test_23_digits_key_order_and_characters_stay_as_the_client_wrote_them(
    gateway: Gateway, upstream: Upstream
) -> None:
    tool = (
        '{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":'
        '{"zeta":{"type":"integer","maximum":9007199254740993},"alpha":{"type":"number"}}}}}'
    )
    parameters = '"temperature":1e-7,"seed":9007199254740993,"metadata":{"z":"<>&","a":""}'
    message = '{"role":"user","content":"1 < 2 && 3 > 2"}'
    spaced = json.dumps(json.loads(tool), indent=2)
    body = f'{{"model":"chat","messages":[{message}],"tools":[{tool},{spaced}],{parameters}}}'
    upstream.answer(oip.answer("Hi"))
    assert gateway.post(CHAT, body.encode()).status == 200
    (received,) = upstream.received
    assert f"{{{parameters}}}".encode() in received.body
    assert b"1 < 2 && 3 > 2" in received.body
    assert tensors(received)["tools"] == [tool, tool]


def test_23_digits_and_key_order_of_an_answer_stay_too(
    gateway: Gateway, upstream: Upstream
) -> None:
    answer = (
        '{"zeta":9007199254740993,"alpha":1e-7,"choices":[{"text":"<>&","index":0,"message":'
        '{"role":"assistant","content":"<>&"},"finish_reason":"stop","logprobs":null}],'
        '"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt",'
        '"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
    )
    upstream.answer(oip.response(oip.text("output_all", answer)))
    assert gateway.post(CHAT, chat()).body == answer.encode()


@pytest.mark.parametrize("before", [[], [{"role": "user", "content": "Hi"}]])
def test_24_tool_calls_have_one_element_per_message_alone_or_not(
    gateway: Gateway, upstream: Upstream, before: list[Any]
) -> None:
    calls = [CALL, {**CALL, "id": "call_2"}]
    messages = [*before, {"role": "assistant", "tool_calls": calls}]
    upstream.answer(oip.answer("Hi"))
    assert gateway.post(CHAT, {"model": "chat", "messages": messages}).status == 200
    sent = tensors(upstream.received[0])
    assert {name: len(data) for name, data in sent.items()} == dict.fromkeys(sent, len(messages))
    assert [json.loads(call) for call in json.loads(sent["tool_calls"][-1])] == calls


# 25-27: embeddings, compression, images


@pytest.mark.parametrize(
    ("given", "shape", "data"),
    [([5, 6, 7], [1, 3], [5, 6, 7]), ([[5, 6], [7, 8]], [2, 2], [5, 6, 7, 8])],
)
def test_25_token_arrays_are_an_integer_tensor(
    gateway: Gateway, upstream: Upstream, given: list[Any], shape: list[int], data: list[int]
) -> None:
    upstream.answer(vectors([shape[0], 1], [0.5] * shape[0]))
    assert gateway.post(EMBEDDINGS, {"model": "e", "input": given}).status == 200
    (tensor,) = upstream.received[0].json["inputs"]
    assert tensor == {"name": "input", "shape": shape, "datatype": "INT64", "data": data}


def test_25_base64_that_an_sdk_asks_for_by_itself_is_made(
    gateway: Gateway, upstream: Upstream
) -> None:
    upstream.answer(vectors([2, 2], [0.25, 1, -2, 3.5]))
    upstream.answer(vectors([2, 2], [0.25, 1, -2, 3.5]))
    with OpenAI(api_key="x", base_url=f"{gateway.url}/v1", max_retries=0) as client:
        answer = client.embeddings.create(model="e", input=["a", "b"])
    asked = upstream.received[0].json["parameters"]["embedding_parameters"]
    assert asked["encoding_format"] == "base64"
    assert [item.embedding for item in answer.data] == [[0.25, 1], [-2, 3.5]]
    assert answer.usage.total_tokens == 0

    raw = gateway.post(EMBEDDINGS, {"model": "e", "input": ["a", "b"], **asked}).json["data"]
    assert base64.b64decode(raw[1]["embedding"]) == struct.pack("<2f", -2, 3.5)


def test_25_floats_keep_their_digits_and_are_found_by_name(
    gateway: Gateway, upstream: Upstream
) -> None:
    numbers = "[0.10,1e-07,0.1234567890123456789,-0.0]"
    other = '{"name":"other","datatype":"FP32","shape":[1,4],"data":[9,9,9,9]}'
    output = f'{{"name":"embedding","datatype":"FP32","shape":[1,4],"data":{numbers}}}'
    counted = '"parameters":{"prompt_tokens":3}'
    upstream.answer(f'{{"outputs":[{other},{output}],{counted}}}')
    reply = gateway.post(EMBEDDINGS, {"model": "e", "input": "a"})
    assert f'"embedding":{numbers}'.encode() in reply.body
    assert reply.json["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


@pytest.mark.parametrize(
    ("encoding", "window"),
    [("gzip", 31), ("GZip", 31), ("x-gzip", 31), ("deflate", 15)],
)
def test_26_a_compressed_stream_is_decoded_as_it_arrives(
    gateway: Gateway, upstream: Upstream, encoding: str, window: int
) -> None:
    compressor = zlib.compressobj(wbits=window)
    first, second = (
        compressor.compress(event(oip.answer(part))) + compressor.flush(zlib.Z_SYNC_FLUSH)
        for part in ("Hel", "lo")
    )
    gate = Gate()
    upstream.stream(first, gate, second + compressor.flush(), content_encoding=encoding)
    with begun(gateway, chat(stream=True)) as response:
        assert response.getheader("content-encoding") is None
        early = next_event(response)
        assert b"Hel" in early
        gate.set()
        assert said(early + b"\n" + response.read()) == "Hello"


def test_26_a_compressed_answer_is_decoded(gateway: Gateway, upstream: Upstream) -> None:
    packed = gzip.compress(json.dumps(oip.answer("Hi")).encode())
    upstream.answer(packed, content_encoding="GZIP")
    reply = gateway.post(CHAT, chat())
    assert reply.json["choices"][0]["message"]["content"] == "Hi"
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize("as_url", [False, True])
def test_27_images_come_from_a_tensor_where_there_is_no_output_all(
    gateway: Gateway, upstream: Upstream, *, as_url: bool
) -> None:
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n and the rest").decode()
    upstream.answer(oip.response(oip.text("image", picture, picture)))
    wanted = "url" if as_url else "b64_json"
    request = {"model": "i", "prompt": "A beach", "n": 2, "response_format": wanted}
    answer = gateway.post(IMAGES, request).json
    shown = f"data:image/png;base64,{picture}" if as_url else picture
    assert [image[wanted] for image in answer["data"]] == [shown] * 2
    assert answer["created"] > 0


# 28-31: many at once, limits, traces; experiments, pipelines and gRPC


@pytest.mark.transport
def test_28_forty_streams_run_at_once(gateway: Gateway, upstream: Upstream) -> None:
    gate = Gate()
    with ExitStack() as held:
        responses = []
        for number in range(40):
            upstream.stream(oip.answer(f"{number} "), gate, oip.answer("end"))
            response = held.enter_context(begun(gateway, chat(stream=True)))
            responses.append((response, next_event(response)))
        wait_until(lambda: stat(gateway, "cluster.oip_http.upstream_rq_active") == 40)
        gate.set()
        texts = [said(first + b"\n" + response.read()) for response, first in responses]
    assert texts == [f"{number} end" for number in range(40)]


def test_29_a_request_may_not_be_larger_than_the_limit(
    gateway: Gateway, upstream: Upstream
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    connection.putrequest("POST", CHAT)
    connection.putheader("content-type", "application/json")
    connection.putheader("content-length", str(64 * MIB + 1))
    connection.endheaders()
    response = connection.getresponse()  # nobody waits for the body
    reply = Reply(response.status, {}, response.read())
    connection.close()
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    assert upstream.received == []


@pytest.mark.transport
def test_29_limits_hold_in_both_directions(upstream: Upstream, tmp_path: Path) -> None:
    options = ["--max-request-body", "1K", "--max-response-body", "1K"]
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=options) as parts:
        gateway = Gateway(*parts)
        large = gateway.post(CHAT, chat(user="x" * 2000))
        upstream.answer(oip.answer("x" * 2000))
        verbose = gateway.post(CHAT, chat())
    assert (large.status, large.error["code"]) == (413, "request_too_large")
    assert (verbose.status, verbose.error["type"]) == (502, "server_error")
    assert len(upstream.received) == 1


@pytest.mark.parametrize("streamed", [False, True])
def test_29_the_trace_goes_on_behind_the_gateway(
    gateway: Gateway, upstream: Upstream, *, streamed: bool
) -> None:
    trace = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "congo=t61rcWkgMzE",
        "b3": "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1",
        "x-b3-traceid": "80f198ee56343ba864fe8b2a57d3eff7",
        "x-request-id": "the-clients",
    }
    if streamed:
        upstream.stream(oip.answer("Hi"))
    else:
        upstream.answer(oip.answer("Hi"))
    headers = {name.replace("-", "_"): value for name, value in trace.items()}
    assert gateway.post(CHAT, chat(stream=streamed), **headers).status == 200
    assert trace.items() <= upstream.received[0].headers.items()


@pytest.mark.parametrize("model", ["iris.experiment", "chain.pipeline", "split_models.experiment"])
def test_30_the_mesh_gets_the_name_of_an_experiment_or_pipeline_as_it_was_given(
    gateway: Gateway, upstream: Upstream, model: str
) -> None:
    for path in (CHAT, f"/v2/models/{model}/infer/chat/completions"):
        upstream.answer(oip.answer("Hi"))
        reply = gateway.post(path, chat(model), x_seldon_route=":other_1:")
        assert (reply.status, reply.json["model"]) == (200, model)
    for received in upstream.received:
        assert received.headers["seldon-model"] == model
        assert received.path == f"/v2/models/{model}/infer"
        assert "x-seldon-route" not in received.headers


def test_31_grpc_passes_untouched(model_gateway: Gateway) -> None:
    name = "http.gateway.ext_proc.stream_msgs_sent"
    assert model_gateway.post(CHAT, {}).status == 400  # which is not OIP, so the translator sees it
    seen = stat(model_gateway, name)
    assert seen > 0
    tensor = triton_grpc.InferInput("input", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([b"Hi"], dtype=np.object_))
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{model_gateway.port}") as client:
        assert client.get_model_metadata("chatgpt").name == "chatgpt"
        assert client.infer("openai-embeddings", [tensor]).as_numpy("embedding").size > 1
        with pytest.raises(InferenceServerException, match="Model nope"):
            client.infer("nope", [tensor])
    assert stat(model_gateway, name) == seen


def test_31_a_pipelines_own_paths_pass_untouched(gateway: Gateway, upstream: Upstream) -> None:
    body = b'{ "inputs": [], "parameters": { "temperature": 1 } }'
    upstream.answer(b'{ "outputs": [] }')
    reply = gateway.post("/v2/pipelines/chain/infer", body)
    assert (reply.status, reply.body) == (200, b'{ "outputs": [] }')
    (received,) = upstream.received
    assert (received.path, received.body) == ("/v2/pipelines/chain/infer", body)


def test_31_a_pipelines_answer_and_its_errors_are_translated(
    gateway: Gateway, upstream: Upstream
) -> None:
    # It encodes tensors whose content type is not "str" in base64, and fails in plain text.
    answer = oip.response(*(_packed(*pair) for pair in (("role", "assistant"), ("content", "Hé"))))
    upstream.answer(json.dumps(answer), content_type="text/plain; charset=utf-8")
    reply = gateway.post(CHAT, chat("chain.pipeline"))
    assert reply.json["choices"][0]["message"]["content"] == "Hé"

    upstream.answer("step-1 : bad tensor", status="400 Bad Request", content_type="text/plain")
    reply = gateway.post(CHAT, chat("chain.pipeline"))
    assert (reply.status, reply.error["message"]) == (400, "step-1 : bad tensor")


def test_31_a_pipeline_that_takes_no_parameters_is_a_bad_request(
    gateway: Gateway, upstream: Upstream
) -> None:
    upstream.answer("", status="400 Bad Request", content_type=None)
    reply = gateway.post(CHAT, chat("chain.pipeline", temperature=0.5))
    (received,) = upstream.received
    assert received.json["parameters"]["llm_parameters"] == {"temperature": 0.5}
    assert (reply.status, reply.error["type"]) == (400, "invalid_request_error")


def _packed(name: str, text: str) -> dict[str, Any]:
    tensor = oip.text(name, base64.b64encode(text.encode()).decode())
    return {**tensor, "parameters": {"content_type": "np"}}
