"""One HTTP exchange: every state and every phase, and what the client is told in each."""

import gzip
import json
import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from tests import oip
from tests.unit.envoy import EVENTS, JSON, POST_CHAT
from tests.unit.events import documents_of, event, stream
from translator.endpoints import REGISTRY, Endpoint, Inference, StreamTranslator
from translator.exchange.actions import UNCHANGED, Action, Forward, Mode, Respond
from translator.exchange.exchange import Exchange
from translator.exchange.headers import STRIPPED_FROM_REQUEST, STRIPPED_FROM_RESPONSE
from translator.exchange.limits import Limits
from translator.exchange.routes import Route
from translator.exchange.states import TRANSITIONS, Phase, State

ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
UNARY = json.dumps(ASK).encode()
STREAMED = json.dumps({**ASK, "stream": True}).encode()
ANSWER = json.dumps(oip.answer("Hi")).encode()
GZIP = {"content-encoding": "gzip"}
DETAIL = "no such file: /srv/models/secret.bin"
INTERNAL = "The server had an error while processing your request."

STRIPPED = Forward(remove_headers=STRIPPED_FROM_REQUEST)

# --- Exchanges in every state, and a message of every phase -----------------------------------


def idle(limits: Limits | None = None) -> Exchange:
    return Exchange(limits)


def bypassed() -> Exchange:
    exchange = idle()
    exchange.on_request_headers({":method": "GET", ":path": "/healthz"}, end_of_stream=True)
    return exchange


def held(headers: dict[str, str] | None = None, limits: Limits | None = None) -> Exchange:
    exchange = idle(limits)
    action = exchange.on_request_headers({**POST_CHAT, **(headers or {})}, end_of_stream=False)
    assert action == STRIPPED
    return exchange


def sent(body: bytes = UNARY, limits: Limits | None = None) -> Exchange:
    exchange = held(limits=limits)
    assert isinstance(exchange.on_request_body(body), Forward)
    return exchange


def answering(headers: dict[str, str] = JSON, limits: Limits | None = None) -> Exchange:
    exchange = sent(limits=limits)
    assert exchange.on_response_headers(headers, end_of_stream=False) is UNCHANGED
    return exchange


def streaming(headers: dict[str, str] | None = None, limits: Limits | None = None) -> Exchange:
    exchange = sent(STREAMED, limits)
    action = exchange.on_response_headers({**EVENTS, **(headers or {})}, end_of_stream=False)
    assert forwarded(action).mode is Mode.STREAM
    return exchange


def done() -> Exchange:
    exchange = answering()
    exchange.on_response_body(ANSWER, end_of_stream=True)
    return exchange


IN_STATE: dict[State, Callable[[], Exchange]] = {
    State.IDLE: idle,
    State.BYPASSED: bypassed,
    State.HELD: held,
    State.SENT: sent,
    State.ANSWERING: answering,
    State.STREAMING: streaming,
    State.DONE: done,
}

MESSAGES: dict[Phase, list[Callable[[Exchange], Action]]] = {
    Phase.REQUEST_HEADERS: [
        lambda exchange: exchange.on_request_headers(POST_CHAT, end_of_stream=False),
        lambda exchange: exchange.on_request_headers(POST_CHAT, end_of_stream=True),
        lambda exchange: exchange.on_request_headers({}, end_of_stream=False),
    ],
    Phase.REQUEST_BODY: [
        lambda exchange: exchange.on_request_body(UNARY),
        lambda exchange: exchange.on_request_body(b""),
    ],
    Phase.REQUEST_TRAILERS: [lambda exchange: exchange.on_request_trailers()],
    Phase.RESPONSE_HEADERS: [
        lambda exchange: exchange.on_response_headers(JSON, end_of_stream=False),
        lambda exchange: exchange.on_response_headers(EVENTS, end_of_stream=False),
        lambda exchange: exchange.on_response_headers({":status": "500"}, end_of_stream=True),
    ],
    Phase.RESPONSE_BODY: [
        lambda exchange: exchange.on_response_body(ANSWER, end_of_stream=True),
        lambda exchange: exchange.on_response_body(b"", end_of_stream=True),
        lambda exchange: exchange.on_response_body(b"garbage", end_of_stream=False),
    ],
}

# One way along every arrow of the table.
ARROWS: dict[tuple[State, Phase, State], Callable[[], tuple[Exchange, Action]]] = {
    (State.IDLE, Phase.REQUEST_HEADERS, State.BYPASSED): lambda: after(
        idle(), lambda it: it.on_request_headers({":path": "/x"}, end_of_stream=True)
    ),
    (State.IDLE, Phase.REQUEST_HEADERS, State.HELD): lambda: after(
        idle(), lambda it: it.on_request_headers(POST_CHAT, end_of_stream=False)
    ),
    (State.IDLE, Phase.REQUEST_HEADERS, State.DONE): lambda: after(
        idle(), lambda it: it.on_request_headers({":path": "/v1/x"}, end_of_stream=True)
    ),
    (State.HELD, Phase.REQUEST_BODY, State.SENT): lambda: after(
        held(), lambda it: it.on_request_body(UNARY)
    ),
    (State.HELD, Phase.REQUEST_BODY, State.DONE): lambda: after(
        held(), lambda it: it.on_request_body(b"")
    ),
    (State.HELD, Phase.REQUEST_TRAILERS, State.DONE): lambda: after(
        held(), lambda it: it.on_request_trailers()
    ),
    (State.HELD, Phase.RESPONSE_HEADERS, State.ANSWERING): lambda: after(
        held(), lambda it: it.on_response_headers({":status": "413"}, end_of_stream=False)
    ),
    (State.HELD, Phase.RESPONSE_HEADERS, State.DONE): lambda: after(
        held(), lambda it: it.on_response_headers({":status": "413"}, end_of_stream=True)
    ),
    (State.SENT, Phase.RESPONSE_HEADERS, State.ANSWERING): lambda: after(
        sent(), lambda it: it.on_response_headers(JSON, end_of_stream=False)
    ),
    (State.SENT, Phase.RESPONSE_HEADERS, State.STREAMING): lambda: after(
        sent(STREAMED), lambda it: it.on_response_headers(EVENTS, end_of_stream=False)
    ),
    (State.SENT, Phase.RESPONSE_HEADERS, State.DONE): lambda: after(
        sent(), lambda it: it.on_response_headers({":status": "404"}, end_of_stream=True)
    ),
    (State.ANSWERING, Phase.RESPONSE_BODY, State.DONE): lambda: after(
        answering(), lambda it: it.on_response_body(ANSWER, end_of_stream=True)
    ),
    (State.STREAMING, Phase.RESPONSE_BODY, State.STREAMING): lambda: after(
        streaming(), lambda it: it.on_response_body(b"data:", end_of_stream=False)
    ),
    (State.STREAMING, Phase.RESPONSE_BODY, State.DONE): lambda: after(
        streaming(), lambda it: it.on_response_body(b"data:", end_of_stream=True)
    ),
}


def after(exchange: Exchange, message: Callable[[Exchange], Action]) -> tuple[Exchange, Action]:
    return exchange, message(exchange)


def forwarded(action: Action) -> Forward:
    assert isinstance(action, Forward)
    return action


def error_of(action: Action) -> tuple[int, dict[str, Any]]:
    """Status and error object of a reply that tells of an error, whole or instead of an answer."""
    if isinstance(action, Respond):
        status, headers = action.status, dict(action.headers)
    else:
        headers = dict(action.set_headers)
        status = int(headers.pop(":status"))
        assert action.remove_headers == STRIPPED_FROM_RESPONSE
    assert action.body is not None
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(action.body))
    assert headers["x-request-id"]
    document = json.loads(action.body)
    assert set(document) == {"error"}
    assert set(document["error"]) == {"message", "type", "param", "code"}
    return status, document["error"]


def test_every_state_can_be_reached() -> None:
    assert {state: IN_STATE[state]().state for state in State} == {state: state for state in State}


@pytest.mark.parametrize(("state", "phase"), sorted(product(State, Phase), key=str))
def test_a_message_the_state_does_not_know_changes_nothing(state: State, phase: Phase) -> None:
    for message in MESSAGES[phase]:
        exchange, action = after(IN_STATE[state](), message)
        if (state, phase) in TRANSITIONS:
            assert exchange.state in TRANSITIONS[state, phase]
        else:
            assert action is UNCHANGED
            assert exchange.state is state


def test_the_arrows_are_all_there_are() -> None:
    assert set(ARROWS) == {
        (state, phase, target)
        for (state, phase), targets in TRANSITIONS.items()
        for target in targets
    }


@pytest.mark.parametrize(("arrow", "walk"), ARROWS.items(), ids=map(str, ARROWS))
def test_every_arrow_of_the_table_can_be_walked(
    arrow: tuple[State, Phase, State], walk: Callable[[], tuple[Exchange, Action]]
) -> None:
    exchange, action = walk()
    assert exchange.state is arrow[2]
    if arrow[1] in (Phase.RESPONSE_HEADERS, Phase.RESPONSE_BODY):
        assert isinstance(action, Forward)


# --- Requests -----------------------------------------------------------------------------------


def test_a_path_that_is_not_openais_is_bypassed() -> None:
    exchange = idle()
    headers = {":method": "POST", ":path": "/v2/models/m/infer"}
    assert exchange.on_request_headers(headers, end_of_stream=False) == Forward(mode=Mode.BYPASS)


def test_a_request_becomes_an_inference() -> None:
    exchange = held({"x-request-id": "id-7", ":path": "/v1/chat/completions?trace=1"})
    action = forwarded(exchange.on_request_body(UNARY))
    assert action.body is not None
    assert json.loads(action.body)["inputs"][1]["data"] == ["Hello"]
    assert dict(action.set_headers) == {
        ":path": "/v2/models/m/infer",
        "content-type": "application/json",
        "content-length": str(len(action.body)),
        "accept-encoding": "identity",
        "seldon-model": "m",
        "x-request-id": "id-7",
        "x-envoy-original-path": "/v1/chat/completions",
    }
    assert action.reroute
    assert action.mode is Mode.KEEP


@pytest.mark.parametrize("verb", ["infer", "infer_stream"])
@pytest.mark.parametrize(
    ("body", "path"),
    [(UNARY, "/v2/models/m/versions/3/infer"), (STREAMED, "/v2/models/m/versions/3/infer_stream")],
)
def test_the_body_and_not_the_url_decides_whether_to_stream(
    verb: str, body: bytes, path: str
) -> None:
    exchange = held({":path": f"/v2/models/m/versions/3/{verb}/chat/completions"})
    assert dict(forwarded(exchange.on_request_body(body)).set_headers)[":path"] == path


def test_an_exchange_without_request_id_gets_one_for_both_ways() -> None:
    exchange = held()
    identity = dict(forwarded(exchange.on_request_body(UNARY)).set_headers)["x-request-id"]
    assert identity.startswith("req_")
    exchange.on_response_headers(JSON, end_of_stream=False)
    answer = forwarded(exchange.on_response_body(ANSWER, end_of_stream=True))
    assert dict(answer.set_headers)["x-request-id"] == identity
    assert dict(forwarded(held().on_request_body(UNARY)).set_headers)["x-request-id"] != identity


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({":method": "GET"}, 405, "method_not_supported"),
        ({":path": "/v1/completions"}, 404, "unknown_url"),
        ({"content-type": "text/plain"}, 415, "unsupported_content_type"),
        ({"content-type": "multipart/form-data; boundary=x"}, 415, "unsupported_content_type"),
        ({"content-encoding": "br"}, 415, None),
        ({"content-encoding": "gzip, gzip"}, 415, None),
        ({"content-length": "101"}, 413, "request_too_large"),
    ],
)
@pytest.mark.parametrize("end_of_stream", [True, False])
def test_what_can_be_refused_early_is(
    headers: dict[str, str], status: int, code: str | None, *, end_of_stream: bool
) -> None:
    exchange = idle(Limits(request_body=100))
    action = exchange.on_request_headers({**POST_CHAT, **headers}, end_of_stream=end_of_stream)
    assert isinstance(action, Respond)
    assert exchange.state is State.DONE
    found, error = error_of(action)
    assert (found, error["code"], error["type"]) == (status, code, "invalid_request_error")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/vnd.x+json; charset=utf-8"},
        {"content-encoding": "Identity"},
        {"content-encoding": "GZIP"},
        {"content-length": "100"},
        {"content-length": "none"},
        {"content-length": ""},
    ],
)
def test_what_is_not_wrong_is_held_until_its_body_comes(headers: dict[str, str]) -> None:
    assert held(headers, Limits(request_body=100)).state is State.HELD


def test_a_request_may_leave_out_its_content_type() -> None:
    exchange = idle()
    headers = {":method": "POST", ":path": "/v1/embeddings"}
    assert exchange.on_request_headers(headers, end_of_stream=False) == STRIPPED


def test_a_request_without_body_is_refused_at_once() -> None:
    exchange = idle()
    action = exchange.on_request_headers(POST_CHAT, end_of_stream=True)
    assert isinstance(action, Respond)
    assert error_of(action)[0] == 400
    assert exchange.state is State.DONE


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "could not parse the JSON body"),
        (b"{", "could not parse the JSON body"),
        (b'{"model":"\xff"}', "could not parse the JSON body"),
        (b"[]", "expected an object"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"model":"m"}', "Missing required parameter: 'messages'"),
    ],
)
def test_a_body_that_is_at_fault_is_refused(body: bytes, message: str) -> None:
    exchange = held()
    action = exchange.on_request_body(body)
    assert isinstance(action, Respond)
    assert exchange.state is State.DONE
    status, error = error_of(action)
    assert status == 400
    assert message in error["message"]


def test_a_body_of_exactly_the_limit_is_translated() -> None:
    assert isinstance(held(limits=Limits(len(UNARY))).on_request_body(UNARY), Forward)


@pytest.mark.parametrize(
    ("headers", "body"),
    [({}, UNARY), (GZIP, gzip.compress(UNARY)), (GZIP, gzip.compress(bytes(32 * 1024 * 1024)))],
)
def test_a_body_over_the_limit_is_too_large_also_when_compressed(
    headers: dict[str, str], body: bytes
) -> None:
    action = held(headers, Limits(request_body=len(UNARY) - 1)).on_request_body(body)
    assert isinstance(action, Respond)
    status, error = error_of(action)
    assert (status, error["code"]) == (413, "request_too_large")
    assert f"at most {len(UNARY) - 1} bytes" in error["message"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("gzip", gzip.compress(UNARY)),
        ("x-gzip", gzip.compress(UNARY)),
        ("deflate", zlib.compress(UNARY)),
    ],
)
def test_a_compressed_body_is_translated_and_sent_plain(name: str, body: bytes) -> None:
    action = forwarded(held({"content-encoding": name}).on_request_body(body))
    plain = forwarded(held().on_request_body(UNARY))
    assert action.body == plain.body


@pytest.mark.parametrize("body", [b"", UNARY, gzip.compress(UNARY)[:-4]])
def test_a_compressed_body_that_is_broken_is_refused(body: bytes) -> None:
    status, error = error_of(held(GZIP).on_request_body(body))
    assert status == 400
    assert error["message"] == "The compressed body of your request is broken."


# --- Whole answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("end_of_stream", [True, False])
def test_an_answer_is_translated(*, end_of_stream: bool) -> None:
    exchange = answering()
    action = forwarded(exchange.on_response_body(ANSWER, end_of_stream=end_of_stream))
    assert action.body is not None
    assert json.loads(action.body)["choices"][0]["message"]["content"] == "Hi"
    headers = dict(action.set_headers)
    assert headers.pop("x-request-id").startswith("req_")
    assert headers == {
        "content-type": "application/json",
        "content-length": str(len(action.body)),
    }
    assert action.remove_headers == STRIPPED_FROM_RESPONSE
    assert exchange.state is State.DONE


@pytest.mark.parametrize("status", ["200", "201", "206"])
def test_every_2xx_is_an_answer(status: str) -> None:
    action = answering({**JSON, ":status": status}).on_response_body(ANSWER, end_of_stream=True)
    assert ":status" not in dict(forwarded(action).set_headers)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("gzip", gzip.compress(ANSWER)),
        ("X-GZIP", gzip.compress(ANSWER)),
        ("deflate", zlib.compress(ANSWER)),
    ],
)
def test_a_compressed_answer_is_translated_and_sent_plain(name: str, body: bytes) -> None:
    exchange = answering({**JSON, "content-encoding": name})
    action = forwarded(exchange.on_response_body(body, end_of_stream=True))
    assert action.body is not None
    assert b'"content":"Hi"' in action.body
    assert "content-encoding" in action.remove_headers


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, ANSWER + b" "),
        ({**JSON, **GZIP}, gzip.compress(ANSWER + b" ")),
        ({**JSON, **GZIP}, gzip.compress(bytes(32 * 1024 * 1024))),
        ({**JSON, **GZIP}, gzip.compress(ANSWER)[:-4]),
        ({**JSON, **GZIP}, ANSWER),
    ],
)
def test_an_answer_that_is_too_large_or_broken_is_a_bad_gateway(
    headers: dict[str, str], body: bytes
) -> None:
    exchange = answering(headers, Limits(response_body=len(ANSWER)))
    status, error = error_of(exchange.on_response_body(body, end_of_stream=True))
    assert (status, error["type"]) == (502, "server_error")
    assert "too large" in error["message"]


def test_an_answer_of_exactly_the_limit_is_translated() -> None:
    exchange = answering(limits=Limits(response_body=len(ANSWER)))
    assert forwarded(exchange.on_response_body(ANSWER, end_of_stream=True)).body


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b""),
        (JSON, b"garbage"),
        (JSON, b"[]"),
        (JSON, b'{"outputs":[]}'),
        (JSON, b'{"outputs":[{"name":"content","data":[1]}]}'),
        (JSON, event(oip.answer("Hi"))),
        ({**JSON, "content-encoding": "br"}, ANSWER),
        ({":status": "302"}, b""),
        ({":status": ""}, ANSWER),
        ({}, ANSWER),
    ],
)
def test_garbage_instead_of_an_answer_is_a_bad_gateway(
    headers: dict[str, str], body: bytes
) -> None:
    exchange = answering(headers)
    status, error = error_of(exchange.on_response_body(body, end_of_stream=True))
    assert (status, error["type"]) == (502, "server_error")
    assert exchange.state is State.DONE


@pytest.mark.parametrize(
    ("status", "kind", "body", "message"),
    [
        (400, "application/json", b'{"error":"bad tensor"}', "bad tensor"),
        (422, "application/json", b'{"detail":[{"msg":"Field required"}]}', "Field required"),
        (405, "application/json", b'{"detail":"Method Not Allowed"}', "Method Not Allowed"),
        (500, "text/plain", b"Internal Server Error", "The model server failed."),
        (500, "application/json", b'{"error":"x.y.E: boom"}', "boom"),
        (404, "application/json", b'{"error":"Model m_1 not found"}', "The model `m` does not"),
        (404, "", b"", "The model `m` does not"),
        (503, "text/plain", b"no healthy upstream", "overloaded or not ready"),
    ],
)
def test_an_error_of_upstreams_keeps_its_status_and_becomes_openais(
    status: int, kind: str, body: bytes, message: str
) -> None:
    exchange = answering({":status": str(status), "content-type": kind})
    found, error = error_of(exchange.on_response_body(body, end_of_stream=True))
    assert found == status
    assert message in error["message"]


def test_a_compressed_error_is_read() -> None:
    exchange = answering({**JSON, ":status": "400", **GZIP})
    body = gzip.compress(b'{"error":"bad tensor"}')
    status, error = error_of(exchange.on_response_body(body, end_of_stream=True))
    assert (status, error["message"]) == (400, "bad tensor")


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [("404", 404, "model_not_found"), ("503", 503, None), ("200", 502, None), ("204", 502, None)],
)
@pytest.mark.parametrize("body", [UNARY, STREAMED])
def test_an_answer_without_a_body_is_answered_with_its_headers(
    body: bytes, status: str, expected: int, code: str | None
) -> None:
    exchange = sent(body)
    headers = {**EVENTS, ":status": status}
    found, error = error_of(exchange.on_response_headers(headers, end_of_stream=True))
    assert (found, error["code"]) == (expected, code)
    assert exchange.state is State.DONE


def test_a_reply_of_envoys_own_while_the_request_is_held_becomes_openais() -> None:
    exchange = held()
    headers = {":status": "413", "content-type": "text/plain"}
    assert exchange.on_response_headers(headers, end_of_stream=False) is UNCHANGED
    action = exchange.on_response_body(b"Payload Too Large", end_of_stream=True)
    status, error = error_of(action)
    assert (status, error["code"]) == (413, "request_too_large")


def test_an_error_to_a_streamed_request_is_a_whole_answer() -> None:
    exchange = sent(STREAMED)
    headers = {**EVENTS, ":status": "500"}
    assert exchange.on_response_headers(headers, end_of_stream=False) is UNCHANGED
    assert error_of(exchange.on_response_body(b"", end_of_stream=True))[0] == 500


def test_a_whole_answer_to_a_streamed_request_is_a_bad_gateway() -> None:
    # An SDK that waits for events would take it for an empty answer, and say nothing.
    exchange = sent(STREAMED)
    assert exchange.on_response_headers(JSON, end_of_stream=False) is UNCHANGED
    status, error = error_of(exchange.on_response_body(ANSWER, end_of_stream=True))
    assert (status, error["type"]) == (502, "server_error")
    assert "whole answer" in error["message"]


def test_events_nobody_asked_for_are_a_bad_gateway() -> None:
    exchange = answering(EVENTS)
    assert (
        error_of(exchange.on_response_body(event(oip.answer("Hi")), end_of_stream=True))[0] == 502
    )


def test_an_adopted_answer_is_translated_as_its_request_would_have_been() -> None:
    route = Route(REGISTRY["chat/completions"])
    exchange = idle()
    exchange.adopt(route, route.endpoint.inference("m", False))  # noqa: FBT003 -- the interface
    assert exchange.state is State.SENT
    exchange.on_response_headers(JSON, end_of_stream=False)
    action = forwarded(exchange.on_response_body(ANSWER, end_of_stream=True))
    assert dict(action.set_headers)["x-request-id"].startswith("req_")


# --- Streamed answers ---------------------------------------------------------------------------


def body_of(action: Action) -> bytes:
    body = forwarded(action).body
    assert body is not None
    return body


def test_events_for_a_streamed_request_are_translated_as_they_come() -> None:
    exchange = sent(STREAMED)
    action = forwarded(exchange.on_response_headers(EVENTS, end_of_stream=False))
    headers = dict(action.set_headers)
    assert headers.pop("x-request-id").startswith("req_")
    assert headers == {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache",
    }
    assert {*STRIPPED_FROM_RESPONSE, "content-length"} == {*action.remove_headers}
    assert (action.mode, action.body) == (Mode.STREAM, None)
    text = event(oip.answer("Hi"))
    first = body_of(exchange.on_response_body(text[:20], end_of_stream=False))
    second = body_of(exchange.on_response_body(text[20:], end_of_stream=False))
    last = body_of(exchange.on_response_body(b"", end_of_stream=True))
    assert first == b""
    assert b'"content":"Hi"' in second
    assert [chunk["choices"][0]["finish_reason"] for chunk in documents_of(second + last)] == [
        None,
        "stop",
    ]


def test_the_last_chunk_may_hold_the_last_events() -> None:
    exchange = streaming()
    text = stream(oip.answer("a"), oip.answer("b"))
    assert len(documents_of(body_of(exchange.on_response_body(text, end_of_stream=True)))) == 3
    assert exchange.state is State.DONE


@pytest.mark.parametrize("size", [1, 10, 1000])
@pytest.mark.parametrize(("name", "wbits"), [("gzip", 31), ("x-gzip", 31), ("deflate", 15)])
def test_compressed_events_are_decoded_in_pieces_of_any_size(
    name: str, wbits: int, size: int
) -> None:
    packer = zlib.compressobj(wbits=wbits)
    packed = packer.compress(stream(oip.answer("Grüße"), oip.answer("b"))) + packer.flush()
    exchange = streaming({"content-encoding": name})
    output = b""
    for start in range(0, len(packed), size):
        piece = packed[start : start + size]
        output += body_of(exchange.on_response_body(piece, end_of_stream=False))
    output += body_of(exchange.on_response_body(b"", end_of_stream=True))
    contents = [chunk["choices"][0]["delta"].get("content") for chunk in documents_of(output)]
    assert contents == ["Grüße", "b", None]


@pytest.mark.parametrize(
    "bad",
    [
        (b"data: not compressed\n\n", GZIP, Limits()),
        (gzip.compress(bytes(1024 * 1024)), GZIP, Limits(response_body=1024)),
        (event({"error": "CUDA out of memory"}), {}, Limits()),
        (b"data: garbage\n\n", {}, Limits()),
        (event(oip.response(oip.text("tool_calls", "garbage"))), {}, Limits()),
    ],
)
def test_after_an_error_in_a_stream_everything_is_swallowed_to_the_end(
    bad: tuple[bytes, dict[str, str], Limits],
) -> None:
    body, headers, limits = bad
    exchange = streaming(headers, limits)
    [document] = documents_of(body_of(exchange.on_response_body(body, end_of_stream=False)))
    assert set(document) == {"error"}
    more = event(oip.answer("Hi"))
    for end_of_stream, state in ((False, State.STREAMING), (True, State.DONE)):
        action = exchange.on_response_body(more, end_of_stream=end_of_stream)
        assert body_of(action) == b""
        assert exchange.state is state


def test_an_error_in_the_last_chunk_is_told() -> None:
    exchange = streaming(GZIP)
    [document] = documents_of(body_of(exchange.on_response_body(b"oops", end_of_stream=True)))
    assert "cannot be decoded" in document["error"]["message"]
    assert exchange.state is State.DONE


def test_events_in_an_unknown_compression_are_refused_with_the_headers() -> None:
    exchange = sent(STREAMED)
    headers = {**EVENTS, "content-encoding": "br"}
    status, error = error_of(exchange.on_response_headers(headers, end_of_stream=False))
    assert (status, error["type"]) == (502, "server_error")
    assert exchange.state is State.DONE


# --- Faults of this program ---------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """An inference, and a stream, in which every step fails but those it is told to let pass."""

    streamed: bool = False
    model: str | None = "m"
    media_type: str = "application/json"
    streams: bool = True

    def from_oip(self, _body: bytes) -> bytes:
        raise RuntimeError(DETAIL)

    def stream(self) -> StreamTranslator:
        if not self.streams:
            raise RuntimeError(DETAIL)
        return self

    def feed(self, chunk: bytes) -> bytes:
        if chunk == b"fine":
            return b""
        raise RuntimeError(DETAIL)

    def finish(self) -> bytes:
        raise RuntimeError(DETAIL)

    def fail(self, _error: object) -> bytes:
        raise RuntimeError(DETAIL)


def broken_endpoint(_body: bytes, _url_model: str | None) -> tuple[bytes, Inference]:
    raise RuntimeError(DETAIL)


BROKEN = Route(Endpoint("broken", broken_endpoint, lambda _model, streamed: Broken(streamed)))


def adopted(inference: Broken) -> Exchange:
    exchange = idle()
    exchange.adopt(BROKEN, inference)
    return exchange


def assert_only_logged(action: Action, caplog: pytest.LogCaptureFixture, phase: Phase) -> None:
    assert DETAIL not in repr(action)
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, f"{phase.name.lower()} failed")
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == DETAIL


def test_a_fault_in_an_endpoint_is_a_500_that_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    exchange = held()
    exchange.route = BROKEN
    action = exchange.on_request_body(b"{}")
    assert isinstance(action, Respond)
    status, error = error_of(action)
    assert (status, error["message"], error["type"]) == (500, INTERNAL, "server_error")
    assert exchange.state is State.DONE
    assert_only_logged(action, caplog, Phase.REQUEST_BODY)


def test_a_fault_over_an_answer_is_a_500_that_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    exchange = adopted(Broken())
    exchange.on_response_headers(JSON, end_of_stream=False)
    action = exchange.on_response_body(b"{}", end_of_stream=True)
    assert error_of(action)[1]["message"] == INTERNAL
    assert error_of(action)[0] == 500
    assert_only_logged(action, caplog, Phase.RESPONSE_BODY)


def test_a_fault_before_a_stream_is_a_500_that_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    exchange = adopted(Broken(streamed=True, streams=False))
    action = exchange.on_response_headers(EVENTS, end_of_stream=False)
    assert error_of(action)[0] == 500
    assert exchange.state is State.DONE
    assert_only_logged(action, caplog, Phase.RESPONSE_HEADERS)


@pytest.mark.parametrize(("chunk", "end_of_stream"), [(b"x", False), (b"x", True), (b"fine", True)])
def test_a_fault_in_a_stream_is_an_error_event_and_the_rest_is_swallowed(
    chunk: bytes, caplog: pytest.LogCaptureFixture, *, end_of_stream: bool
) -> None:
    exchange = adopted(Broken(streamed=True))
    exchange.on_response_headers(EVENTS, end_of_stream=False)
    action = exchange.on_response_body(chunk, end_of_stream=end_of_stream)
    [document] = documents_of(body_of(action))
    assert document["error"]["message"] == INTERNAL
    assert_only_logged(action, caplog, Phase.RESPONSE_BODY)
    if not end_of_stream:
        assert body_of(exchange.on_response_body(b"more", end_of_stream=False)) == b""
        assert body_of(exchange.on_response_body(b"more", end_of_stream=True)) == b""
    assert exchange.state is State.DONE


# --- Bytes nobody expects -----------------------------------------------------------------------


@pytest.mark.parametrize("end", [gzip.compress(event(oip.answer("Hi")))[:-4], b""])
def test_compressed_events_without_their_end_are_not_taken_for_a_whole_answer(end: bytes) -> None:
    exchange = streaming(GZIP)
    *_, document = documents_of(body_of(exchange.on_response_body(end, end_of_stream=True)))
    assert "cannot be decoded" in document["error"]["message"]


def test_a_gzip_member_for_each_event_loses_none() -> None:
    exchange = streaming(GZIP)
    output = b""
    for text in ("Hel", "lo"):
        piece = gzip.compress(event(oip.answer(text)))
        output += body_of(exchange.on_response_body(piece, end_of_stream=False))
    output += body_of(exchange.on_response_body(b"", end_of_stream=True))
    contents = [chunk["choices"][0]["delta"].get("content") for chunk in documents_of(output)]
    assert contents == ["Hel", "lo", None]
