"""Plain Open Inference Protocol traffic on the same listener is not touched."""

import json
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException

from tests import oip
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Upstream

BODY = {"inputs": [{"name": "role", "shape": [1], "datatype": "BYTES", "data": ["user"]}]}


def test_a_body_and_its_headers_pass_byte_for_byte(gateway: Gateway, upstream: Upstream) -> None:
    answer = json.dumps(oip.answer("Hi"), indent=3)
    upstream.answer(answer, ce_modelid="chat_1")
    body = json.dumps(BODY, indent=5).encode()
    reply = gateway.post("/v2/models/chat/infer", body, seldon_model="chat")
    assert (reply.status, reply.body) == (200, answer.encode())
    assert reply.headers["ce-modelid"] == "chat_1"
    (received,) = upstream.received
    assert (received.path, received.body) == ("/v2/models/chat/infer", body)
    assert received.headers["seldon-model"] == "chat"
    assert "x-envoy-original-path" not in received.headers


@pytest.mark.parametrize(
    "path",
    ["/v2/models/chat/infer", "/v2/models/chat/infer/", "/v2/models/chat/generate"],
)
def test_errors_pass_as_they_are(gateway: Gateway, upstream: Upstream, path: str) -> None:
    upstream.answer('{"error":"bad tensor"}', status="400 Bad Request")
    reply = gateway.post(path, BODY)
    assert (reply.status, reply.body) == (400, b'{"error":"bad tensor"}')


def test_a_stream_of_events_passes_as_it_is(gateway: Gateway, upstream: Upstream) -> None:
    upstream.stream("data: {}\n\n", ": ping\n\n")
    reply = gateway.post("/v2/models/chat/infer_stream", BODY)
    assert reply.body == b"data: {}\n\n: ping\n\n"


def test_it_goes_on_without_the_translator(upstream: Upstream, gateway: Gateway) -> None:
    sent = _messages(gateway)
    upstream.answer("{}")
    gateway.post("/v2/models/chat/infer", BODY)
    assert _messages(gateway) == sent

    upstream.answer(oip.answer("Hi"))
    gateway.post("/v1/chat/completions", {"model": "chat", "messages": [{"role": "user"}]})
    assert _messages(gateway) == sent + 4


def _messages(gateway: Gateway) -> int:
    """How many messages Envoy has sent to the translator so far."""
    stats = gateway.get_admin("/stats?filter=ext_proc.stream_msgs_sent&format=json").json["stats"]
    return int(stats[0]["value"]) if stats else 0


def tensors(module: Any) -> list[Any]:
    inputs = []
    for name, text in (("role", b"user"), ("content", b"Hi"), ("type", b"text")):
        tensor = module.InferInput(name, [1], "BYTES")
        tensor.set_data_from_numpy(np.array([text], dtype=np.object_))
        inputs.append(tensor)
    return inputs


def test_tritonclient_over_http(model_gateway: Gateway) -> None:
    with triton_http.InferenceServerClient(f"127.0.0.1:{model_gateway.port}") as client:
        assert client.is_server_live()
        assert client.is_model_ready("chatgpt")
        inputs = []
        for name, text in (("role", b"user"), ("content", b"Hi"), ("type", b"text")):
            tensor = triton_http.InferInput(name, [1], "BYTES")
            tensor.set_data_from_numpy(np.array([text], dtype=np.object_), binary_data=False)
            inputs.append(tensor)
        wanted = [triton_http.InferRequestedOutput("content", binary_data=False)]
        answer = client.infer("chatgpt", inputs, outputs=wanted)
        assert answer.as_numpy("content").size == 1
        with pytest.raises(InferenceServerException) as caught:
            client.infer("nope", inputs, outputs=wanted)
        assert "nope not found" in str(caught.value)


def test_tritonclient_over_grpc(model_gateway: Gateway) -> None:
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{model_gateway.port}") as client:
        assert client.is_server_live()
        assert client.is_model_ready("chatgpt")
        answer = client.infer("chatgpt", tensors(triton_grpc))
        assert answer.as_numpy("content").size == 1
        with pytest.raises(InferenceServerException) as caught:
            client.infer("nope", tensors(triton_grpc))
        assert "Model nope" in str(caught.value)
