"""Pipelines: asked without streams and with plain parameters only; answers in base64."""

from base64 import b64encode
from typing import Any

import pytest

from tests import oip
from tests.invariants import check_chat_completion, check_chunks
from tests.mesh.conftest import CHAT, Bed, ask, chunks, texts


def raw(name: str, *elements: str) -> dict[str, Any]:
    """A BYTES output that does not say that it is text."""
    return {"name": name, "shape": [len(elements)], "datatype": "BYTES", "data": list(elements)}


def test_a_pipeline_answers(bed: Bed) -> None:
    fields = {"max_tokens": 4, "temperature": 0.7, "response_format": {"type": "text"}, "user": "u"}
    reply = bed.gateway.post(CHAT, ask("chain", **fields))
    assert (reply.status, reply.json["model"]) == (200, "chain")
    check_chat_completion(reply.json)
    (received,) = bed.pipelines.received
    assert received.path == "/v2/models/chain/infer"
    (asked,) = bed.pipelines.asked
    assert asked["parameters"] == {"max_tokens": 4, "user": "u"}


def test_embeddings_of_a_pipeline(bed: Bed) -> None:
    vectors = oip.response(
        {"name": "embedding", "shape": [2, 1], "datatype": "FP64", "data": [0.5, 0.25]}
    )
    bed.script.answer(vectors)
    reply = bed.gateway.post("/v1/embeddings", {"model": "packed", "input": ["a", "b"]})
    assert [item["embedding"] for item in reply.json["data"]] == [[0.5], [0.25]]


@pytest.mark.parametrize("name", ["packed", "packed.pipeline"])
@pytest.mark.parametrize("path", [CHAT, "/v2/models/{}/versions/2/infer/chat/completions"])
def test_texts_that_come_as_base64_are_decoded(bed: Bed, name: str, path: str) -> None:
    bed.script.answer(oip.response(raw("role", "assistant"), raw("content", "Grüezi")))
    reply = bed.gateway.post(path.format(name), ask(name))
    assert reply.json["choices"][0]["message"]["content"] == "Grüezi"
    assert reply.json["model"] == name


def test_a_url_may_say_that_it_is_a_pipelines(bed: Bed) -> None:
    bed.script.answer(oip.response(raw("role", "assistant"), raw("content", "Grüezi")))
    reply = bed.gateway.post(
        "/v2/pipelines/unnamed/infer/chat/completions", ask("unnamed", temperature=0.7)
    )
    assert reply.json["choices"][0]["message"]["content"] == "Grüezi"
    (received,) = bed.pipelines.received
    assert received.path == "/v2/models/unnamed/infer"


HIDDEN = {"x-forwarded-for", "x-forwarded-proto", "x-envoy-original-path", "x-pipeline-version"}


def test_what_a_pipeline_hands_back_of_the_request_stays_inside(bed: Bed) -> None:
    bed.script.answer(oip.answer("Hi"))
    reply = bed.gateway.post(CHAT, ask("packed"))
    assert reply.status == 200
    assert HIDDEN.isdisjoint(reply.headers)


def test_a_text_that_says_so_is_never_decoded(bed: Bed) -> None:
    text = b64encode(b"as it is").decode()
    bed.script.answer(oip.answer(text))
    reply = bed.gateway.post(CHAT, ask("packed"))
    assert reply.json["choices"][0]["message"]["content"] == text


def test_a_stream_is_made_of_the_whole_answer(bed: Bed) -> None:
    bed.script.answer(oip.response(raw("role", "assistant"), raw("content", "all at once")))
    reply = bed.gateway.post(CHAT, ask("packed", stream=True))
    assert reply.headers["content-type"].startswith("text/event-stream")
    check_chunks(chunks(reply.body))
    assert texts(reply.body) == ["all at once"]
    assert bed.pipelines.received[0].path == "/v2/models/packed/infer"


def test_what_a_step_refuses_is_an_openai_error(bed: Bed) -> None:
    bed.script.answer({"error": "too many tokens"}, status="400 Bad Request")
    reply = bed.gateway.post(CHAT, ask("packed", stream=True))
    assert (reply.status, reply.error["type"]) == (400, "invalid_request_error")
    assert "too many tokens" in reply.error["message"]
    assert len(bed.pipelines.received) == 1


def test_a_pipeline_that_cannot_reach_its_step_is_asked_six_times(bed: Bed) -> None:
    reply = bed.gateway.post(CHAT, ask("gone"))
    assert (reply.status, reply.error["type"]) == (500, "server_error")
    assert len(bed.pipelines.received) == 6


def test_a_pipelines_own_path_passes_as_the_mesh_has_it(bed: Bed) -> None:
    bed.script.answer(oip.response(raw("content", "Hi")))
    path = "/v2/pipelines/packed/infer"
    reply = bed.gateway.post(path, {"inputs": []})
    assert (reply.status, reply.json["outputs"][0]["data"]) == (200, ["SGk="])
    reply = bed.gateway.post(path, {"inputs": [], "parameters": {"kwargs": {}}})
    assert (reply.status, reply.body) == (400, b"")


def test_an_unknown_pipeline_is_an_unknown_model(bed: Bed) -> None:
    reply = bed.gateway.post(CHAT, ask("nope.pipeline"))
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")
    assert not bed.pipelines.received


def test_what_a_pipeline_adds_to_an_answer_stays_inside(bed: Bed) -> None:
    bed.script.answer(oip.answer("Hi"))
    reply = bed.gateway.post(CHAT, ask("packed"), x_request_id="the-clients")
    assert reply.headers["x-request-id"] == "the-clients"
    assert "x-pipeline-version" not in reply.headers
    assert "x-seldon-route" not in reply.headers
