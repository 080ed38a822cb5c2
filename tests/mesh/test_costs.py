"""What an error costs behind a mesh, which tries again: calls of the model, and loads of it."""

import http.client
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import oip
from tests.e2e.upstream import Gate
from tests.mesh.agent import CONNECTIONS, Agent
from tests.mesh.conftest import CHAT, Bed, ask, run_gateway, run_mesh, texts, until
from tests.mesh.scheduler import Mesh, Model

INFER = "/v2/models/scripted_1/infer"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        {"model": "scripted"},
        {"model": "scripted", "messages": []},
        {"model": "scripted", "messages": [{"role": "user", "content": 1}]},
        ask("scripted", stream="yes"),
        ask("scripted", n=0),
    ],
)
def test_what_no_model_could_answer_never_reaches_one(bed: Bed, body: Any) -> None:
    reply = bed.gateway.post(CHAT, body)
    assert (reply.status, reply.error["type"]) == (400, "invalid_request_error")
    assert not bed.scripted.received


@pytest.mark.parametrize("status", ["422 Unprocessable Entity", "429 Too Many Requests"])
def test_what_a_model_server_refuses_is_one_call(bed: Bed, status: str) -> None:
    bed.script.answer({"error": "no"}, status=status)
    reply = bed.gateway.post(CHAT, ask("scripted"))
    assert (reply.status, reply.error["message"]) == (int(status[:3]), "no")
    assert (bed.scripted.calls, bed.scripted.loads) == ({INFER: 1}, {})


def test_what_a_runtime_refuses_is_two_calls_and_a_load_by_the_agent(bed: Bed) -> None:
    body = {"model": "openai-images", "prompt": "A beach", "size": "wide"}
    reply = bed.gateway.post("/v1/images/generations", body)
    assert (reply.status, reply.error["type"]) == (400, "invalid_request_error")
    assert reply.error["message"].startswith("size must be")
    assert bed.mlserver.calls == {"/v2/models/openai-images_1/infer": 2}
    assert bed.mlserver.loads == {"openai-images_1": 1}


def test_an_answer_that_cannot_be_translated_is_one_call(bed: Bed) -> None:
    bed.script.answer("no JSON")
    reply = bed.gateway.post(CHAT, ask("scripted"))
    assert (reply.status, reply.error["type"]) == (502, "server_error")
    assert reply.headers["x-should-retry"] == "false"
    assert bed.scripted.calls == {INFER: 1}


def test_a_model_that_the_mesh_does_not_know_is_no_call(bed: Bed) -> None:
    for model in ("nope", "nope.experiment", "scripted_1", "Scripted"):
        reply = bed.gateway.post(CHAT, ask(model))
        assert (reply.status, reply.error["code"]) == (404, "model_not_found")
        assert model in reply.error["message"]
    assert not bed.scripted.received + bed.mlserver.received


def test_a_model_that_its_server_has_lost_is_loaded(bed: Bed) -> None:
    bed.script.answer({"error": "Model scripted_1 not found"}, status="404 Not Found")
    bed.script.answer("")
    bed.script.answer(oip.answer("Hi"))
    assert bed.gateway.post(CHAT, ask("scripted")).status == 200
    assert (bed.scripted.calls, bed.scripted.loads) == ({INFER: 2}, {"scripted_1": 1})


def test_a_server_that_is_not_available_is_six_calls(bed: Bed) -> None:
    for _ in range(6):
        bed.script.answer({"error": "busy"}, status="503 Service Unavailable")
    reply = bed.gateway.post(CHAT, ask("scripted"))
    assert (reply.status, reply.error["message"]) == (503, "busy")
    assert bed.scripted.calls == {INFER: 6}


def test_a_body_larger_than_the_meshs_buffers_is_not_sent_again(bed: Bed) -> None:
    bed.script.answer({"error": "busy"}, status="503 Service Unavailable")
    assert bed.gateway.post(CHAT, ask("scripted", user="x" * 1_500_000)).status == 503
    assert bed.scripted.calls == {INFER: 1}


@pytest.mark.parametrize("streamed", [False, True])
def test_a_server_that_is_away_for_a_moment_is_waited_for(
    bed: Bed, tmp_path: Path, *, streamed: bool
) -> None:
    with ExitStack() as running:
        agent = running.enter_context(Agent(bed.script.port))
        mesh = run_mesh(running, tmp_path, Mesh([Model("scripted", agent.port)]))
        gateway = run_gateway(running, tmp_path / "gateway", mesh)
        bed.script.answer("", status="503 Service Unavailable")
        bed.script.answer("", status="500 Internal Server Error")
        if streamed:
            bed.script.stream(oip.answer("Hi"))
        else:
            bed.script.answer(oip.answer("Hi"))
        assert gateway.post(CHAT, ask("scripted", stream=streamed)).status == 200
        assert sum(agent.calls.values()) == 3


def test_more_than_an_agents_connections_wait_their_turn(bed: Bed) -> None:
    gate = Gate()
    with ExitStack() as running:

        def begin() -> http.client.HTTPConnection:
            bed.script.stream(oip.answer("Hel"), gate, oip.answer("lo"))
            client = http.client.HTTPConnection("127.0.0.1", bed.gateway.port, timeout=60)
            running.callback(client.close)
            body = json.dumps(ask("scripted", stream=True))
            client.request("POST", CHAT, body, {"content-type": "application/json"})
            return client

        streams = [begin().getresponse() for _ in range(CONNECTIONS)]
        assert all(b"Hel" in stream.readline() for stream in streams)
        waiting = begin()
        until(lambda: len(bed.scripted.received) == CONNECTIONS + 1)
        assert len(bed.script.received) == bed.scripted.open == CONNECTIONS
        gate.set()
        assert texts(waiting.getresponse().read()) == ["Hel", "lo"]
        assert all(b"lo" in stream.read() for stream in streams)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_client_that_hangs_up_frees_its_connection(bed: Bed, *, streamed: bool) -> None:
    gate = Gate()
    bed.script.stream(b": not yet\n\n", gate, oip.answer("late"))
    client = http.client.HTTPConnection("127.0.0.1", bed.gateway.port, timeout=30)
    body = json.dumps(ask("scripted", stream=streamed))
    client.request("POST", CHAT, body, {"content-type": "application/json"})
    until(lambda: bed.scripted.open == 1)
    client.close()
    until(lambda: bed.scripted.open == 0)
    gate.set()


def test_a_stream_that_breaks_off_is_one_call(bed: Bed) -> None:
    bed.script.stream(b": alive\n\n", abort=True)
    with pytest.raises(http.client.IncompleteRead):
        bed.gateway.post(CHAT, ask("scripted", stream=True))
    assert (bed.scripted.calls, bed.scripted.loads) == ({f"{INFER}_stream": 1}, {})
