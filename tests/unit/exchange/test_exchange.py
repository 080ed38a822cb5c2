"""One HTTP exchange: every state and every phase, and what the client is told in each."""

import gzip
import json
import logging
import re
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from itertools import chain, product, repeat
from typing import Any, NoReturn

import pytest

from tests import oip
from tests.unit.envoy import EVENTS, JSON, POST_CHAT
from tests.unit.events import documents_of, event, stream
from tests.unit.exchange.conftest import Serve
from translator.contracts.models import Models
from translator.contracts.settings import ModelSettings
from translator.errors import TranslatorError, UpstreamError
from translator.exchange.actions import UNCHANGED, Action, Forward, Mode, Respond
from translator.exchange.content_encoding import KNOWN_ENCODINGS
from translator.exchange.exchange import Exchange
from translator.exchange.headers import (
    CREDENTIALS,
    PASSED_TO_CLIENT,
    STRIPPED_FROM_REQUEST,
)
from translator.exchange.settings import ExchangeSettings, Limits
from translator.exchange.states import TRANSITIONS, Phase, State
from translator.operations.base import Inference, Operation
from translator.tasks.model import UpstreamRequest
from translator.tasks.usage import UNKNOWN, TokenCounts

zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
brotli: Any = import_module("brotli")

ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
UNARY = json.dumps(ASK).encode()
STREAMED = json.dumps({**ASK, "stream": True}).encode()
ANSWER = json.dumps(oip.answer("Hi")).encode()
GZIP = {"content-encoding": "gzip"}
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "X-GZIP": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda data: bytes(brotli.compress(data)),
    "zstd": lambda data: bytes(zstd.compress(data)),
}
ON_EVERY_ANSWER = {"x-request-id", "openai-version", "openai-processing-ms"}
DETAIL = "no such file: /srv/models/secret.bin"
INTERNAL = "The server had an error while processing your request."

STRIPPED = Forward(remove_headers=STRIPPED_FROM_REQUEST)

# --- Exchanges in every state, and a message of every phase -----------------------------------

KEPT = frozenset({"x-seldon-route"})


def idle(limits: Limits | None = None) -> Exchange:
    return Exchange(ExchangeSettings(limits or Limits()))


def bypassed() -> Exchange:
    exchange = idle()
    exchange.on_request_headers({":method": "GET", ":path": "/v2/models/m"}, end_of_stream=True)
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
    State.RESPONDING: answering,
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
    Phase.RESPONSE_TRAILERS: [lambda exchange: exchange.on_response_trailers()],
}

# One way along every arrow of the table.
ARROWS: dict[tuple[State, Phase, State], Callable[[], tuple[Exchange, Action]]] = {
    (State.IDLE, Phase.REQUEST_HEADERS, State.BYPASSED): lambda: after(
        idle(), lambda it: it.on_request_headers({":path": "/v2"}, end_of_stream=True)
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
    (State.HELD, Phase.RESPONSE_HEADERS, State.RESPONDING): lambda: after(
        held(), lambda it: it.on_response_headers({":status": "413"}, end_of_stream=False)
    ),
    (State.HELD, Phase.RESPONSE_HEADERS, State.DONE): lambda: after(
        held(), lambda it: it.on_response_headers({":status": "413"}, end_of_stream=True)
    ),
    (State.SENT, Phase.RESPONSE_HEADERS, State.RESPONDING): lambda: after(
        sent(), lambda it: it.on_response_headers(JSON, end_of_stream=False)
    ),
    (State.SENT, Phase.RESPONSE_HEADERS, State.STREAMING): lambda: after(
        sent(STREAMED), lambda it: it.on_response_headers(EVENTS, end_of_stream=False)
    ),
    (State.SENT, Phase.RESPONSE_HEADERS, State.DONE): lambda: after(
        sent(), lambda it: it.on_response_headers({":status": "404"}, end_of_stream=True)
    ),
    (State.RESPONDING, Phase.RESPONSE_BODY, State.DONE): lambda: after(
        answering(), lambda it: it.on_response_body(ANSWER, end_of_stream=True)
    ),
    (State.STREAMING, Phase.RESPONSE_BODY, State.STREAMING): lambda: after(
        streaming(), lambda it: it.on_response_body(b"data:", end_of_stream=False)
    ),
    (State.STREAMING, Phase.RESPONSE_BODY, State.DONE): lambda: after(
        streaming(), lambda it: it.on_response_body(b"data:", end_of_stream=True)
    ),
    (State.STREAMING, Phase.RESPONSE_TRAILERS, State.DONE): lambda: after(
        streaming(), lambda it: it.on_response_trailers()
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
        assert PASSED_TO_CLIENT.isdisjoint(action.remove_headers)
    assert action.body is not None
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(action.body))
    assert set(headers) - {"x-should-retry", "x-envoy-ratelimited"} == {
        "content-type",
        "content-length",
        *ON_EVERY_ANSWER,
    }
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


@pytest.mark.parametrize("kept", [frozenset(), frozenset({"cookie", "x-vault-token"})])
def test_plain_oip_loses_only_credentials(kept: frozenset[str]) -> None:
    exchange = Exchange(ExchangeSettings(kept_headers=kept))
    headers = {":method": "POST", ":path": "/v2/models/m/infer", "x-vault-token": "", "cookie": ""}
    action = exchange.on_request_headers(headers, end_of_stream=False)
    assert isinstance(action, Forward)
    assert set(action.remove_headers) == {*CREDENTIALS, "x-vault-token"} - kept
    assert action == Forward(remove_headers=action.remove_headers, mode=Mode.BYPASS)


@pytest.mark.parametrize("kept", [frozenset(), frozenset({"x-vault-token"})])
def test_credentials_that_no_list_has_are_removed_too(kept: frozenset[str]) -> None:
    exchange = Exchange(ExchangeSettings(kept_headers=kept))
    headers = {**POST_CHAT, "x-vault-token": "", "x-api-key": ""}
    action = exchange.on_request_headers(headers, end_of_stream=False)
    assert isinstance(action, Forward)
    assert set(action.remove_headers) == {*STRIPPED_FROM_REQUEST, "x-vault-token"} - kept
    assert len(action.remove_headers) == len(set(action.remove_headers))


def test_base_paths_are_those_of_the_settings() -> None:
    exchange = Exchange(ExchangeSettings(base_paths=frozenset({""})))
    headers = {**POST_CHAT, ":path": "/chat/completions"}
    assert exchange.on_request_headers(headers, end_of_stream=False) == STRIPPED
    action = Exchange().on_request_headers(headers, end_of_stream=False)
    assert isinstance(action, Respond)
    assert action.status == 404


@pytest.mark.parametrize("named", [{}, {"model": "gpt-4"}, {"model": None}, {"model": 7}])
def test_azures_deployment_is_the_model(named: dict[str, Any]) -> None:
    path = "/openai/deployments/mine/chat/completions?api-version=2024-10-21"
    exchange = held({":path": path})
    body = {key: value for key, value in ASK.items() if key != "model"} | named
    sent = dict(forwarded(exchange.on_request_body(json.dumps(body).encode())).set_headers)
    assert (sent[":path"], sent["seldon-model"]) == ("/v2/models/mine/infer", "mine")
    exchange.on_response_headers(JSON, end_of_stream=False)
    answer = forwarded(exchange.on_response_body(ANSWER, end_of_stream=True))
    assert json.loads(answer.body or b"")["model"] == "mine"


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
        ({"content-type": "", "origin": "null"}, 415, "unsupported_content_type"),
        ({"content-type": "multipart/form-data; boundary=x"}, 415, "unsupported_content_type"),
        ({"content-encoding": "compress"}, 415, "unsupported_content_encoding"),
        ({"content-encoding": "gzip, gzip"}, 415, "unsupported_content_encoding"),
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


def test_an_unknown_encoding_is_refused_with_those_that_are_known() -> None:
    action = idle().on_request_headers(
        {**POST_CHAT, "content-encoding": "compress"}, end_of_stream=False
    )
    message = "Unsupported content encoding. Supported are: gzip, deflate, br, zstd."
    assert error_of(action)[1]["message"] == message
    assert all(name in message for name in KNOWN_ENCODINGS)


def test_the_settings_of_a_model_reach_its_operation() -> None:
    settings = ExchangeSettings(models=Models(by_name={"e": ModelSettings("text")}))
    datatypes = []
    for model in ("e", "f"):
        exchange = Exchange(settings)
        exchange.on_request_headers({**POST_CHAT, ":path": "/v1/embeddings"}, end_of_stream=False)
        body = json.dumps({"model": model, "input": [1, 2]}).encode()
        oip_body = forwarded(exchange.on_request_body(body)).body or b""
        datatypes.append(json.loads(oip_body)["inputs"][0]["datatype"])
    assert datatypes == ["BYTES", "INT64"]


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/vnd.x+json; charset=utf-8"},
        {"content-encoding": "Identity"},
        {"content-encoding": "GZIP"},
        {"content-encoding": "br"},
        {"content-encoding": "zstd"},
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


@pytest.mark.parametrize("encoding", [None, *COMPRESSED])
@pytest.mark.parametrize("body", [UNARY, bytes(1024 * 1024)], ids=["by a byte", "by far"])
def test_a_body_over_the_limit_is_too_large_also_when_compressed(
    body: bytes, encoding: str | None
) -> None:
    headers = {}
    if encoding is not None:
        headers["content-encoding"] = encoding
        body = COMPRESSED[encoding](body)
    action = held(headers, Limits(request_body=len(UNARY) - 1)).on_request_body(body)
    assert isinstance(action, Respond)
    status, error = error_of(action)
    assert (status, error["code"]) == (413, "request_too_large")
    assert f"at most {len(UNARY) - 1} bytes" in error["message"]


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_a_compressed_body_may_not_grow_without_proportion(encoding: str) -> None:
    def reply_to(spaces: int) -> Action:
        body = COMPRESSED[encoding](UNARY + b" " * spaces)
        assert len(body) < 20_000, "3 MiB and more are out of proportion"
        return held({"content-encoding": encoding}).on_request_body(body)

    forwarded(reply_to(1024 * 1024 - len(UNARY)))
    action = reply_to(3 * 1024 * 1024)
    assert isinstance(action, Respond)
    status, error = error_of(action)
    assert (status, error["code"]) == (413, "request_too_large")
    assert "decompressed bytes are accepted in" in error["message"]


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_a_large_compressed_body_may_become_a_hundred_times_its_size(encoding: str) -> None:
    text = "".join(map(str, range(40_000))) + " " * 6_000_000
    body = json.dumps({**json.loads(UNARY), "user": text}).encode()
    action = held({"content-encoding": encoding}).on_request_body(COMPRESSED[encoding](body))
    assert text.encode() in (forwarded(action).body or b"")


@pytest.mark.parametrize(("name", "compress"), COMPRESSED.items())
def test_a_compressed_body_is_translated_and_sent_plain(
    name: str, compress: Callable[[bytes], bytes]
) -> None:
    action = forwarded(held({"content-encoding": name}).on_request_body(compress(UNARY)))
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
    assert set(dict(action.set_headers)) == {"content-type", "content-length", *ON_EVERY_ANSWER}
    assert action.remove_headers == ()
    assert exchange.state is State.DONE


@pytest.mark.parametrize("status", ["200", "201", "206"])
def test_every_2xx_is_answered_as_200(status: str) -> None:
    action = answering({**JSON, ":status": status}).on_response_body(ANSWER, end_of_stream=True)
    stream = sent(STREAMED)
    begin = stream.on_response_headers({**EVENTS, ":status": status}, end_of_stream=False)
    for each in (action, begin):
        assert dict(forwarded(each).set_headers).get(":status", status) == "200"
    assert stream.record.status == 200


@pytest.mark.parametrize(("name", "compress"), COMPRESSED.items())
def test_a_compressed_answer_is_translated_and_sent_plain(
    name: str, compress: Callable[[bytes], bytes]
) -> None:
    exchange = answering({**JSON, "content-encoding": name})
    action = forwarded(exchange.on_response_body(compress(ANSWER), end_of_stream=True))
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
        ({**JSON, "content-encoding": "compress"}, ANSWER),
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
    [
        ("404", 404, "model_not_found"),
        ("503", 503, "service_unavailable"),
        ("200", 502, "upstream_error"),
        ("204", 502, "upstream_error"),
    ],
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


def test_a_whole_answer_to_a_streamed_request_becomes_events() -> None:
    # An SDK that waits for events would take JSON for an empty answer, and say nothing.
    exchange = sent(STREAMED)
    assert exchange.on_response_headers(JSON, end_of_stream=False) is UNCHANGED
    action = forwarded(exchange.on_response_body(ANSWER, end_of_stream=True))
    assert action.body is not None
    chunks = documents_of(action.body)
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks] == ["Hi", None]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    headers = dict(action.set_headers)
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["content-length"] == str(len(action.body))
    assert ":status" not in headers
    assert action.mode is Mode.KEEP


@pytest.mark.parametrize("body", [b"garbage", b'{"outputs":[]}', b'{"error":"out of memory"}'])
def test_a_whole_answer_to_a_streamed_request_that_is_none_keeps_its_502(body: bytes) -> None:
    exchange = sent(STREAMED)
    exchange.on_response_headers(JSON, end_of_stream=False)
    status, error = error_of(exchange.on_response_body(body, end_of_stream=True))
    assert (status, error["type"], error["code"]) == (502, "server_error", "upstream_error")


def test_events_nobody_asked_for_become_one_answer() -> None:
    exchange = answering(EVENTS)
    body = stream(oip.answer("Hel"), oip.answer("lo"))
    action = forwarded(exchange.on_response_body(body, end_of_stream=True))
    assert action.body is not None
    assert json.loads(action.body)["choices"][0]["message"]["content"] == "Hello"
    headers = dict(action.set_headers)
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(action.body))


@pytest.mark.parametrize(
    "body", [event({"error": "out of memory"}), b"data: garbage\n\n", b": nothing\n\n"]
)
def test_events_nobody_asked_for_without_an_answer_are_a_bad_gateway(body: bytes) -> None:
    status, error = error_of(answering(EVENTS).on_response_body(body, end_of_stream=True))
    assert (status, error["type"], error["code"]) == (502, "server_error", "upstream_error")


@pytest.mark.parametrize("ask", [UNARY, STREAMED])
@pytest.mark.parametrize(
    ("head", "body"),
    [
        (JSON, b'{"error":"out of memory"}'),
        (EVENTS, event({"error": "out of memory"})),
        (EVENTS, stream(oip.answer("Hel"), {"error": "out of memory"})),
    ],
)
def test_an_error_under_a_200_is_told_in_its_own_words(
    ask: bytes, head: dict[str, str], body: bytes
) -> None:
    exchange = sent(ask)
    exchange.on_response_headers(head, end_of_stream=False)
    told = forwarded(exchange.on_response_body(body, end_of_stream=True)).body or b""
    assert b'"message":"out of memory"' in told


def test_events_nobody_asked_for_are_bounded() -> None:
    body = stream(oip.answer("Hel"), oip.answer("lo"))
    exchange = answering(EVENTS, Limits(response_body=len(body) - 1))
    status, error = error_of(exchange.on_response_body(body, end_of_stream=True))
    assert status == 502
    assert "too large" in error["message"]


# --- Streamed answers ---------------------------------------------------------------------------


def body_of(action: Action) -> bytes:
    body = forwarded(action).body
    assert body is not None
    return body


def test_events_for_a_streamed_request_are_translated_as_they_come() -> None:
    exchange = sent(STREAMED)
    action = forwarded(exchange.on_response_headers(EVENTS, end_of_stream=False))
    about_events = {"content-type", "cache-control", "x-accel-buffering"}
    assert set(dict(action.set_headers)) == {*about_events, *ON_EVERY_ANSWER}
    assert dict(action.set_headers)["cache-control"] == "no-cache"
    assert dict(action.set_headers)["x-accel-buffering"] == "no"
    assert action.remove_headers == ("content-length",)
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
@pytest.mark.parametrize(("name", "compress"), COMPRESSED.items())
def test_compressed_events_are_decoded_in_pieces_of_any_size(
    name: str, compress: Callable[[bytes], bytes], size: int
) -> None:
    packed = compress(stream(oip.answer("Grüße"), oip.answer("b")))
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
    headers = {**EVENTS, "content-encoding": "compress"}
    status, error = error_of(exchange.on_response_headers(headers, end_of_stream=False))
    assert (status, error["type"]) == (502, "server_error")
    assert exchange.state is State.DONE


# --- Faults of this program ---------------------------------------------------------------------


def fail(*_: object) -> NoReturn:
    raise RuntimeError(DETAIL)


@dataclass(frozen=True)
class BrokenStream:
    """A stream in which every step fails but those it is told to let pass."""

    error: TranslatorError | None = None
    tokens: TokenCounts = UNKNOWN
    model: str = ""

    def feed(self, chunk: bytes) -> bytes:
        if chunk == b"fine":
            return b""
        raise RuntimeError(DETAIL)

    def finish(self) -> bytes:
        raise RuntimeError(DETAIL)

    def fail(self, error: TranslatorError) -> bytes:
        raise RuntimeError(DETAIL) from error


ASK_BROKEN = {":path": "/v1/broken"}


@pytest.fixture(autouse=True)
def _broken_operation(serve: Serve) -> None:
    serve(Operation("broken", "broken", fail))


def sent_as(
    serve: Serve, complete: Callable[[object], NoReturn], stream: Callable[[int], Any] | None
) -> Exchange:
    """An exchange that has been sent, whose answer is translated like this."""
    request = UpstreamRequest("/v2/models/m/infer", b"{}", streamed=stream is not None)
    inference = Inference("m", request, complete, stream)
    serve(Operation("fake", "fake", lambda _body, _target: inference))
    exchange = held({":path": "/v1/fake"})
    assert isinstance(exchange.on_request_body(b"{}"), Forward)
    return exchange


def assert_only_logged(action: Action, caplog: pytest.LogCaptureFixture, phase: Phase) -> None:
    assert DETAIL not in repr(action)
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, f"{phase.name.lower()} failed")
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == DETAIL


def test_a_fault_in_an_operation_is_a_500_that_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    exchange = held(ASK_BROKEN)
    action = exchange.on_request_body(b"{}")
    assert isinstance(action, Respond)
    status, error = error_of(action)
    assert (status, error["message"], error["type"]) == (500, INTERNAL, "server_error")
    assert exchange.state is State.DONE
    assert_only_logged(action, caplog, Phase.REQUEST_BODY)


def test_a_fault_over_an_answer_is_a_500_that_says_nothing(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = sent_as(serve, fail, None)
    exchange.on_response_headers(JSON, end_of_stream=False)
    action = exchange.on_response_body(b"{}", end_of_stream=True)
    assert error_of(action)[1]["message"] == INTERNAL
    assert error_of(action)[0] == 500
    assert_only_logged(action, caplog, Phase.RESPONSE_BODY)


def test_a_fault_before_a_stream_is_a_500_that_says_nothing(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = sent_as(serve, fail, fail)
    action = exchange.on_response_headers(EVENTS, end_of_stream=False)
    assert error_of(action)[0] == 500
    assert exchange.state is State.DONE
    assert_only_logged(action, caplog, Phase.RESPONSE_HEADERS)


@pytest.mark.parametrize(("chunk", "end_of_stream"), [(b"x", False), (b"x", True), (b"fine", True)])
def test_a_fault_in_a_stream_is_an_error_event_and_the_rest_is_swallowed(
    serve: Serve, chunk: bytes, caplog: pytest.LogCaptureFixture, *, end_of_stream: bool
) -> None:
    exchange = sent_as(serve, fail, lambda _limit: BrokenStream())
    exchange.on_response_headers(EVENTS, end_of_stream=False)
    action = exchange.on_response_body(chunk, end_of_stream=end_of_stream)
    [document] = documents_of(body_of(action))
    assert document["error"]["message"] == INTERNAL
    assert_only_logged(action, caplog, Phase.RESPONSE_BODY)
    if not end_of_stream:
        assert body_of(exchange.on_response_body(b"more", end_of_stream=False)) == b""
        assert body_of(exchange.on_response_body(b"more", end_of_stream=True)) == b""
    assert exchange.state is State.DONE


# --- Headers of every answer ----------------------------------------------------------------------

Given = dict[str, str]
Answer = Callable[[Given], Action]
SSE = "text/event-stream; charset=utf-8"
PLAIN = "application/json"
ASK_IMAGE = b'{"model":"m","prompt":"a cat","stream":true}'
ASK_EMBEDDING = b'{"model":"m","input":"a"}'
IMAGE = json.dumps(oip.response(oip.text("image", "AAAA"))).encode()
LINK = json.dumps(oip.response(oip.text("url", "https://example.com/a.png"))).encode()
SENTENCE = json.dumps(oip.response(oip.text("image", "It failed."))).encode()
FAILING = stream(oip.answer("Hel"), {"error": "out of memory"})
STATUSES = (400, 401, 403, 404, 408, 409, 413, 418, 422, 429, 499, 500, 502, 503, 504, 599)


def refused(*, end_of_stream: bool = False, **headers: str) -> Answer:
    """The reply to the head of a request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if "path" in named:
        named[":path"] = named.pop("path")
    return lambda given: idle(Limits(request_body=100)).on_request_headers(
        {**POST_CHAT, **named, **given}, end_of_stream=end_of_stream
    )


def asked(body: bytes, path: str = POST_CHAT[":path"], **headers: str) -> Answer:
    """The reply to the body of a request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda given: held({**named, ":path": path, **given}).on_request_body(body)


def answered(
    head: Given, body: bytes, ask: bytes = UNARY, path: str = POST_CHAT[":path"]
) -> Answer:
    """The reply to the end of an answer: to its head, where that is all or a stream begins."""

    def walk(given: Given) -> Action:
        exchange = held({":path": path, **given})
        exchange.on_request_body(ask)
        action = exchange.on_response_headers(head, end_of_stream=not body)
        if action is UNCHANGED:
            action = exchange.on_response_body(body, end_of_stream=True)
        return action

    return walk


def at_fault(given: Given) -> Action:
    return held({**ASK_BROKEN, **given}).on_request_body(b"{}")


# Name: what is answered, its content type, and whether nobody should send the request again.
ANSWERS: dict[str, tuple[Answer, str, bool]] = {
    "an unknown URL": (refused(path="/v1/nothing"), PLAIN, False),
    "a wrong content type": (refused(content_type="text/plain"), PLAIN, False),
    "an unknown encoding": (refused(content_encoding="compress"), PLAIN, False),
    "too long a body": (refused(content_length="101"), PLAIN, False),
    "no body": (refused(end_of_stream=True), PLAIN, False),
    "trailers for a body": (lambda given: held(given).on_request_trailers(), PLAIN, False),
    "a bad body": (asked(b"{}"), PLAIN, False),
    "a broken body": (asked(UNARY, content_encoding="gzip"), PLAIN, False),
    "a fault over a request": (at_fault, PLAIN, True),
    "an answer": (answered(JSON, ANSWER), PLAIN, False),
    "an answer as events": (answered(JSON, ANSWER, STREAMED), SSE, False),
    "events as an answer": (answered(EVENTS, event(oip.answer("Hi"))), PLAIN, False),
    "events": (answered(EVENTS, b"data:", STREAMED), SSE, False),
    "an image as events": (answered(JSON, IMAGE, ASK_IMAGE, "/v1/images/generations"), SSE, False),
    "no answer": (answered(JSON, b""), PLAIN, True),
    "no events": (answered(EVENTS, b"", STREAMED), PLAIN, True),
    "another place": (answered({":status": "302"}, b"Found"), PLAIN, True),
    "a broken answer": (answered({**JSON, **GZIP}, ANSWER), PLAIN, True),
    "events in an unknown encoding": (
        answered({**EVENTS, "content-encoding": "compress"}, b"data:", STREAMED),
        PLAIN,
        True,
    ),
    "an answer in an unknown encoding": (
        answered({**JSON, "content-encoding": "compress"}, ANSWER),
        PLAIN,
        True,
    ),
    "a link to an image as events": (
        answered(JSON, LINK, ASK_IMAGE, "/v1/images/generations"),
        PLAIN,
        True,
    ),
    "an unreadable answer": (answered(JSON, b"garbage"), PLAIN, True),
    "an answer that says nothing": (answered(JSON, b'{"outputs":[]}'), PLAIN, True),
    "an unreadable answer, no events": (answered(JSON, b"garbage", STREAMED), PLAIN, True),
    "unreadable events, no answer": (answered(EVENTS, b"data: garbage\n\n"), PLAIN, True),
    "an error in events": (answered(EVENTS, FAILING), PLAIN, False),
    "an error for events": (answered(JSON, b'{"error":"x"}', STREAMED), PLAIN, False),
    "no vectors": (answered(JSON, ANSWER, ASK_EMBEDDING, "/v1/embeddings"), PLAIN, True),
    "no image": (answered(JSON, SENTENCE, ASK_IMAGE, "/v1/images/generations"), PLAIN, True),
}
ANSWERS |= {
    f"{status} {body!r}": (answered({**JSON, ":status": str(status)}, body), PLAIN, False)
    for status in STATUSES
    for body in (b"", b'{"error":"bad tensor"}', b'{"error":{"message":"x"}}')
}
ANSWERS |= {
    f"{status} {body!r}": (answered({**JSON, ":status": str(status)}, body), PLAIN, True)
    for status in (501, 505)
    for body in (b"", b'{"error":"bad tensor"}', b'{"error":{"message":"x"}}')
}

every_answer = pytest.mark.parametrize(
    ("answer", "kind", "final"), ANSWERS.values(), ids=list(ANSWERS)
)


def headers_of(action: Action) -> dict[str, str]:
    headers = action.headers if isinstance(action, Respond) else action.set_headers
    assert len(dict(headers)) == len(headers)
    return dict(headers)


@pytest.fixture
def _a_second_and_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer takes 1234.9 ms."""
    clock = chain([5.0], repeat(6.2349))
    monkeypatch.setattr("translator.exchange.exchange.monotonic", lambda: next(clock))


@pytest.mark.usefixtures("_a_second_and_a_bit")
@every_answer
def test_every_answer_has_openais_headers(answer: Answer, kind: str, *, final: bool) -> None:
    headers = headers_of(answer({"x-request-id": "id-7"}))
    assert headers["x-request-id"] == "id-7"
    assert headers["openai-version"] == "2020-10-01"
    assert headers["openai-processing-ms"] == "1234"
    assert headers["content-type"] == kind
    assert ("x-should-retry" in headers) is final


@every_answer
def test_every_answer_without_a_request_id_gets_one_of_ours(
    answer: Answer, kind: str, *, final: bool
) -> None:
    first, second = (headers_of(answer({})) for _ in range(2))
    assert re.fullmatch("req_[0-9a-f]{32}", first["x-request-id"])
    assert first["x-request-id"] != second["x-request-id"]
    assert (first["content-type"], "x-should-retry" in first) == (kind, final)


@every_answer
def test_only_what_can_but_repeat_is_not_to_be_sent_again(
    answer: Answer, kind: str, *, final: bool
) -> None:
    headers = headers_of(answer({}))
    wanted = {"x-should-retry": "false", "x-envoy-ratelimited": "true"} if final else {}
    found = ("x-should-retry", "x-envoy-ratelimited")
    assert {name: headers[name] for name in found if name in headers} == wanted
    assert headers["content-type"] == kind


def test_an_answer_over_the_limit_is_not_to_be_sent_again() -> None:
    exchange = answering(limits=Limits(response_body=len(ANSWER) - 1))
    headers = headers_of(exchange.on_response_body(ANSWER, end_of_stream=True))
    assert (headers["x-should-retry"], headers["x-envoy-ratelimited"]) == ("false", "true")


@every_answer
def test_every_whole_body_has_its_length(answer: Answer, kind: str, *, final: bool) -> None:
    action = answer({})
    headers = headers_of(action)
    if action.body is None:
        assert (kind, final) == (SSE, False)
        assert "content-length" not in headers
    else:
        assert headers["content-length"] == str(len(action.body))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", [b"", b'{"error":"x"}'])
def test_when_to_try_again_is_left_as_upstream_says(status: int, body: bytes) -> None:
    action = forwarded(answered({**JSON, ":status": str(status)}, body)({}))
    headers = headers_of(action)
    assert headers[":status"] == str(status)
    for name in ("retry-after", "retry-after-ms", "x-ratelimit-remaining-requests"):
        assert name not in headers
        assert name not in action.remove_headers


@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize(
    ("head", "streamed"), [(JSON, False), (EVENTS, False), (JSON, True), (EVENTS, True)]
)
def test_the_error_says_whether_to_send_the_request_again(
    serve: Serve, head: Given, *, streamed: bool, repeats: bool
) -> None:
    def refuse(_: object) -> NoReturn:
        raise UpstreamError("x", repeats=repeats)

    exchange = sent_as(serve, refuse, refuse if streamed else None)
    action = exchange.on_response_headers(head, end_of_stream=False)
    if action is UNCHANGED:
        action = exchange.on_response_body(b"{}", end_of_stream=True)
    assert error_of(action)[0] == 502
    assert (headers_of(action).get("x-should-retry") == "false") is repeats
    assert (headers_of(action).get("x-envoy-ratelimited") == "true") is repeats


# --- Sticky routes --------------------------------------------------------------------------------


@pytest.mark.parametrize("sticky", [True, False])
def test_a_client_sends_its_route_only_where_that_is_allowed(*, sticky: bool) -> None:
    exchange = Exchange(ExchangeSettings(kept_headers=KEPT if sticky else frozenset()))
    action = forwarded(exchange.on_request_headers(POST_CHAT, end_of_stream=False))
    assert ("x-seldon-route" not in action.remove_headers) is sticky
    assert {*action.remove_headers, "x-seldon-route"} == {*STRIPPED_FROM_REQUEST}


@pytest.mark.parametrize("sticky", [True, False])
@pytest.mark.parametrize(
    ("ask", "head", "body"),
    [
        (UNARY, JSON, ANSWER),
        (UNARY, JSON, b"garbage"),
        (UNARY, {**JSON, ":status": "500"}, b""),
        (UNARY, EVENTS, event(oip.answer("Hi"))),
        (STREAMED, EVENTS, b"data:"),
        (STREAMED, JSON, ANSWER),
        (STREAMED, {**EVENTS, "content-encoding": "compress"}, b"data:"),
    ],
)
def test_a_client_sees_its_route_only_where_that_is_allowed(
    ask: bytes, head: Given, body: bytes, *, sticky: bool
) -> None:
    exchange = Exchange(ExchangeSettings(passed_headers=KEPT if sticky else frozenset()))
    exchange.on_request_headers(POST_CHAT, end_of_stream=False)
    exchange.on_request_body(ask)
    head = {**head, "x-seldon-route": ":chat_1:", "x-powered-by": "x", "retry-after": "1"}
    action = exchange.on_response_headers(head, end_of_stream=not body)
    if action is UNCHANGED:
        action = exchange.on_response_body(body, end_of_stream=True)
    removed = {*forwarded(action).remove_headers} - {"content-length", "content-encoding"}
    assert removed == {"x-powered-by"} | (set() if sticky else KEPT)


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


KEY_REFUSED = {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}


@pytest.mark.parametrize("streamed", [False, True])
def test_a_provider_that_refuses_the_key_is_logged_with_the_model(
    caplog: pytest.LogCaptureFixture, *, streamed: bool
) -> None:
    if streamed:
        exchange = streaming()
        for _ in range(2):
            exchange.on_response_body(event(oip.provided(KEY_REFUSED)), end_of_stream=False)
        assert exchange.record.error == "upstream_authentication"
    else:
        body = json.dumps(oip.provided(KEY_REFUSED)).encode()
        status, error = error_of(answering().on_response_body(body, end_of_stream=True))
        assert (status, error["code"]) == (502, "upstream_authentication")
    [line] = [entry for entry in caplog.records if entry.levelno == logging.WARNING]
    assert "the provider of the model 'm' refuses the credentials" in line.getMessage()
