"""Models behind a mesh: every endpoint, streams, names of all kinds, and what passes by."""

import http.client
import json
from contextlib import closing
from typing import Any

import pytest

from tests import oip
from tests.e2e.conftest import send
from tests.e2e.upstream import Gate
from tests.invariants import check_chat_completion, check_chunks
from tests.mesh.conftest import CHAT, Bed, ask, chunks, texts

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "openai-embeddings", "input": "This is a test"}),
        ("/v1/images/generations", {"model": "openai-images", "prompt": "A beach"}),
    ],
)
def test_a_model_that_does_not_chat_answers(bed: Bed, path: str, body: dict[str, str]) -> None:
    reply = bed.gateway.post(path, body)
    assert (reply.status, len(reply.json["data"])) == (200, 1)
    assert bed.mlserver.calls == {f"/v2/models/{body['model']}_1/infer": 1}
    assert not bed.mlserver.loads


@pytest.mark.parametrize("model", ["chatgpt", "gpt-4.1", "my_model_2"])
@pytest.mark.parametrize("path", [CHAT, "/v2/models/{}/versions/7/infer/chat/completions"])
def test_a_model_of_any_name_answers(bed: Bed, model: str, path: str) -> None:
    path = path.format(model)
    reply = bed.gateway.post(path, ask(model, max_tokens=2))
    assert (reply.status, reply.json["model"]) == (200, model)
    check_chat_completion(reply.json)
    streamed = bed.gateway.post(path, ask(model, max_tokens=2, stream=True))
    check_chunks(chunks(streamed.body))
    assert {chunk["model"] for chunk in chunks(streamed.body)} == {model}
    assert texts(streamed.body)
    inner = f"/v2/models/{model}_1/infer"
    assert bed.mlserver.calls == {inner: 1, f"{inner}_stream": 1}
    assert not bed.mlserver.loads
    assert {request.first("seldon-model") for request in bed.mlserver.received} == {model}


def test_a_providers_own_words_pass(bed: Bed) -> None:
    body = ask("openai-chat", max_tokens=2)
    check_chat_completion(bed.gateway.post(CHAT, body).json, verbatim=True)
    streamed = bed.gateway.post(CHAT, {**body, "stream": True})
    check_chunks(chunks(streamed.body), verbatim=True)
    inner = "/v2/models/openai-chat_1/infer"
    assert bed.mlserver.calls == {inner: 1, f"{inner}_stream": 1}


def test_without_our_help_an_agent_breaks_a_name_that_is_no_word(bed: Bed) -> None:
    body = b'{"inputs": []}'
    reply = send(
        bed.port, "POST", "/v2/models/gpt-4.1/infer", body, content_type="application/json"
    )
    assert reply.status == 404
    assert bed.mlserver.calls == {"/v2/models/gpt-4.1_1.1/infer": 2}


def test_tools_reach_the_model(bed: Bed) -> None:
    fields = {"max_tokens": 2, "tools": [TOOL], "tool_choice": "required"}
    reply = bed.gateway.post(CHAT, ask("openai-chat", **fields))
    check_chat_completion(reply.json, verbatim=True)
    (received,) = bed.mlserver.received
    tensors = {tensor["name"]: tensor["data"] for tensor in json.loads(received.body)["inputs"]}
    assert [json.loads(tool) for tool in tensors["tools"]] == [TOOL]
    assert tensors["tool_choice"] == ["required"]


def test_events_come_as_they_are_made(bed: Bed) -> None:
    gate = Gate()
    bed.script.stream(oip.answer("first"), gate, oip.answer("second"))
    with closing(http.client.HTTPConnection("127.0.0.1", bed.gateway.port, timeout=30)) as client:
        client.request("POST", CHAT, json.dumps(ask("scripted", stream=True)), JSON)
        response = client.getresponse()
        assert b"first" in response.readline()
        gate.set()
        rest = response.read()
    assert b"second" in rest
    assert rest.endswith(b"data: [DONE]\n\n")


def test_bodies_larger_than_the_meshs_buffers_pass(bed: Bed) -> None:
    text = "x" * 3_000_000
    bed.script.answer(oip.answer(text))
    body = ask("scripted")
    body["messages"][0]["content"] = text
    reply = bed.gateway.post(CHAT, body)
    assert reply.json["choices"][0]["message"]["content"] == text
    (received,) = bed.script.received
    assert received.json["inputs"][1]["data"] == [text]


@pytest.mark.parametrize("given", ["the-clients", None])
def test_an_answer_has_one_request_id(bed: Bed, given: str | None) -> None:
    bed.script.answer(oip.answer("Hi"))
    with closing(http.client.HTTPConnection("127.0.0.1", bed.gateway.port, timeout=30)) as client:
        head = {**JSON, **({"x-request-id": given} if given else {})}
        client.request("POST", CHAT, json.dumps(ask("scripted")), head)
        response = client.getresponse()
        response.read()
    (known,) = response.headers.get_all("x-request-id", [])
    assert known == bed.script.received[0].headers["x-request-id"]
    assert given in (known, None)


def test_the_meshs_own_headers_and_credentials_stay_where_they_belong(bed: Bed) -> None:
    bed.script.answer(oip.answer("Hi"), ce_modelid="scripted_1")
    reply = bed.gateway.post(
        CHAT,
        ask("scripted"),
        authorization="Bearer secret",
        seldon_model="other",
        seldon_internal_model="other_1",
        x_seldon_route=":other_1:",
    )
    assert reply.status == 200
    assert not [name for name in reply.headers if name.startswith(("ce-", "seldon-", "x-seldon"))]
    (received,) = bed.script.received
    assert received.headers["seldon-model"] == "scripted"
    assert received.headers["seldon-internal-model"] == "scripted_1"
    assert "authorization" not in received.headers


def test_plain_oip_passes_as_the_mesh_has_it(bed: Bed) -> None:
    body: dict[str, Any] = oip.response()
    bed.script.answer(body)
    reply = bed.gateway.post("/v2/models/scripted/infer", {"inputs": []})
    assert (reply.status, reply.json) == (200, body)
    assert bed.scripted.calls == {"/v2/models/scripted_1/infer": 1}
    # The agent knows inference only.
    assert bed.gateway.request("GET", "/v2/models/scripted").status == 400
