"""Sessions: Envoy's messages in, replies out."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import grpc
import grpc_testing
import pytest
from google.protobuf.message import DecodeError

from tests import oip
from tests.unit import envoy
from tests.unit.events import documents_of, event
from translator.exchange.headers import CREDENTIALS
from translator.exchange.settings import ExchangeSettings, Limits
from translator.extproc._proto.external_processor_pb2 import (
    DESCRIPTOR,
    CommonResponse,
    HeaderMap,
    HeaderMutation,
    HeaderValue,
    HttpHeaders,
    ProcessingMode,
    ProcessingRequest,
    ProcessingResponse,
)
from translator.extproc.session import Session

SERVICE = DESCRIPTOR.services_by_name["ExternalProcessor"]
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
UNARY = json.dumps(ASK).encode()
STREAMED = json.dumps({**ASK, "stream": True}).encode()
ANSWER = json.dumps(oip.answer("Hi")).encode()

KEPT = frozenset({"x-seldon-route"})


class Servicer:
    """The smallest service around a session."""

    def Process(  # noqa: N802 -- the name of the method in the service
        self, requests: Iterable[ProcessingRequest], _context: Any
    ) -> Iterator[ProcessingResponse]:
        session = Session(ExchangeSettings(Limits(request_body=1024)))
        for request in requests:
            yield ProcessingResponse.FromString(session.handle(request.SerializeToString()))


class Stream:
    """Envoy's end of one stream."""

    def __init__(self) -> None:
        server = grpc_testing.server_from_dictionary(
            {SERVICE: Servicer()}, grpc_testing.strict_real_time()
        )
        method = SERVICE.methods_by_name["Process"]
        self._rpc = server.invoke_stream_stream(method, {}, None)

    def ask(self, request: ProcessingRequest) -> ProcessingResponse:
        """Send a message and wait for its one reply."""
        self._rpc.send_request(request)
        reply = self._rpc.take_response()
        assert isinstance(reply, ProcessingResponse)
        return reply

    def close(self) -> None:
        """End the stream; there must be no reply left, and no error."""
        self._rpc.requests_closed()
        _, code, _ = self._rpc.termination()
        assert code is grpc.StatusCode.OK


@pytest.fixture
def stream() -> Iterator[Stream]:
    opened = Stream()
    yield opened
    opened.close()


def ask(stream: Stream, request: ProcessingRequest) -> CommonResponse:
    """The changes in a reply, which must be of the request's own kind."""
    reply = stream.ask(request)
    kind = request.WhichOneof("request")
    assert kind is not None
    assert reply.WhichOneof("response") == kind
    response = getattr(reply, kind).response
    assert isinstance(response, CommonResponse)
    return response


def over_http2() -> Session:
    """The session of a stream that may end with trailers, after the response headers."""
    session = Session()
    session.handle(envoy.request_headers().SerializeToString())
    session.handle(envoy.request_body(STREAMED).SerializeToString())
    reply = session.handle(envoy.response_headers(envoy.EVENTS_OVER_HTTP2).SerializeToString())
    mode = ProcessingResponse.FromString(reply).mode_override
    assert mode.response_body_mode == ProcessingMode.FULL_DUPLEX_STREAMED
    assert mode.response_trailer_mode == ProcessingMode.SEND
    return session


def test_a_whole_unary_exchange(stream: Stream) -> None:
    held = ask(stream, envoy.request_headers())
    assert "authorization" in held.header_mutation.remove_headers
    request = ask(stream, envoy.request_body(UNARY))
    head = envoy.set_headers(request.header_mutation)
    assert (head[":path"], head["seldon-model"]) == ("/v2/models/m/infer", "m")
    assert head["content-length"] == str(len(request.body_mutation.body))
    assert request.clear_route_cache
    assert ask(stream, envoy.response_headers()) == CommonResponse()
    answer = ask(stream, envoy.response_body(ANSWER))
    document = json.loads(answer.body_mutation.body)
    assert document["choices"][0]["message"]["content"] == "Hi"
    head = envoy.set_headers(answer.header_mutation)
    assert head["content-length"] == str(len(answer.body_mutation.body))


def test_a_whole_exchange_of_events(stream: Stream) -> None:
    ask(stream, envoy.request_headers())
    request = ask(stream, envoy.request_body(STREAMED))
    assert envoy.set_headers(request.header_mutation)[":path"] == "/v2/models/m/infer_stream"
    reply = stream.ask(envoy.response_headers(envoy.EVENTS))
    assert reply.mode_override.response_body_mode == ProcessingMode.STREAMED
    mutation = reply.response_headers.response.header_mutation
    assert "content-length" in mutation.remove_headers
    assert envoy.set_headers(mutation)["content-type"] == "text/event-stream; charset=utf-8"
    text = event(oip.answer("Hi"))
    output = b""
    for start in range(0, len(text), 50):
        piece = envoy.response_body(text[start : start + 50], end_of_stream=False)
        response = ask(stream, piece)
        assert response.body_mutation.WhichOneof("mutation") == "body"
        output += response.body_mutation.body
    output += ask(stream, envoy.response_body(b"")).body_mutation.body
    contents = [chunk["choices"][0]["delta"].get("content") for chunk in documents_of(output)]
    assert contents == ["Hi", None]


def test_a_stream_over_http2_ends_with_its_trailers() -> None:
    session = over_http2()
    first = envoy.reply(session, envoy.response_body(event(oip.answer("Hi")), end_of_stream=False))
    last = envoy.reply(session, envoy.response_trailers())
    output = b""
    for reply in (first, last):
        message = ProcessingResponse.FromString(reply.head + reply.body)
        chunk = message.response_body.response.body_mutation.streamed_response
        assert chunk.body
        assert not chunk.end_of_stream
        output += chunk.body
    assert not first.after
    assert ProcessingResponse.FromString(last.after).HasField("response_trailers")
    contents = [chunk["choices"][0]["delta"].get("content") for chunk in documents_of(output)]
    assert contents == ["Hi", None]


@pytest.mark.parametrize("after", [b"", b"data: [DONE]\n\n"])
def test_a_stream_over_http2_ends_without_trailers(after: bytes) -> None:
    session = over_http2()
    output, ends = b"", []
    for body, last in ((event(oip.answer("Hi")) + after, False), (b"", True)):
        message = envoy.response_body(body, end_of_stream=last).SerializeToString()
        reply = ProcessingResponse.FromString(session.handle(message))
        chunk = reply.response_body.response.body_mutation.streamed_response
        output += chunk.body
        ends.append(chunk.end_of_stream)
    assert ends == [False, True]
    assert len(documents_of(output)) == 2


def test_trailers_after_the_end_of_a_stream_are_all_that_is_left() -> None:
    session = over_http2()
    done = event(oip.answer("Hi")) + b"data: [DONE]\n\n"
    session.handle(envoy.response_body(done, end_of_stream=False).SerializeToString())
    head, *rest = envoy.reply(session, envoy.response_trailers())
    assert ProcessingResponse.FromString(head).HasField("response_trailers")
    assert rest == [b"", b""]


def test_trailers_instead_of_a_stream_are_an_error() -> None:
    head, *rest = envoy.reply(over_http2(), envoy.response_trailers())
    assert ProcessingResponse.FromString(head).immediate_response.status.code == 502
    assert rest == [b"", b""]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({":method": "GET"}, None, 405),
        ({":path": "/v1/models"}, None, 404),
        ({"content-type": "text/plain"}, None, 415),
        ({"content-length": "1025"}, None, 413),
        ({}, b"oops", 400),
        ({}, b" " * 1025, 413),
    ],
)
def test_a_refused_request_is_answered_immediately(
    stream: Stream, headers: dict[str, str], body: bytes | None, status: int
) -> None:
    reply = stream.ask(envoy.request_headers({**envoy.POST_CHAT, **headers}))
    if body is not None:
        assert reply.WhichOneof("response") == "request_headers"
        reply = stream.ask(envoy.request_body(body))
    assert reply.WhichOneof("response") == "immediate_response"
    answer = reply.immediate_response
    assert answer.status.code == status
    head = envoy.set_headers(answer.headers)
    assert head["content-type"] == "application/json"
    assert head["content-length"] == str(len(answer.body))
    assert json.loads(answer.body)["error"]["type"] == "invalid_request_error"


def test_a_request_without_body_is_answered_immediately(stream: Stream) -> None:
    reply = stream.ask(envoy.request_headers(end_of_stream=True))
    assert reply.immediate_response.status.code == 400


def test_a_response_without_body_gets_one_in_the_headers_reply(stream: Stream) -> None:
    ask(stream, envoy.request_headers())
    ask(stream, envoy.request_body(UNARY))
    response = ask(stream, envoy.response_headers({":status": "404"}, end_of_stream=True))
    assert response.status == CommonResponse.CONTINUE_AND_REPLACE
    assert envoy.set_headers(response.header_mutation)[":status"] == "404"
    assert json.loads(response.body_mutation.body)["error"]["code"] == "model_not_found"


def test_a_whole_answer_to_a_streamed_request_goes_out_as_events(stream: Stream) -> None:
    ask(stream, envoy.request_headers({**envoy.POST_CHAT, "x-request-id": "id-7"}))
    ask(stream, envoy.request_body(STREAMED))
    assert ask(stream, envoy.response_headers()) == CommonResponse()
    answer = ask(stream, envoy.response_body(ANSWER))
    head = envoy.set_headers(answer.header_mutation)
    assert head.pop("openai-processing-ms").isdecimal()
    assert head == {
        "content-type": "text/event-stream; charset=utf-8",
        "content-length": str(len(answer.body_mutation.body)),
        "x-request-id": "id-7",
        "openai-version": "2020-10-01",
        "cache-control": "no-cache",
    }
    assert len(documents_of(answer.body_mutation.body)) == 2


def test_errors_that_a_retry_cannot_fix_have_headers(stream: Stream) -> None:
    ask(stream, envoy.request_headers())
    ask(stream, envoy.request_body(UNARY))
    ask(stream, envoy.response_headers())
    head = envoy.set_headers(ask(stream, envoy.response_body(b"garbage")).header_mutation)
    assert head[":status"] == "502"
    assert (head["x-should-retry"], head["x-envoy-ratelimited"]) == ("false", "true")


@pytest.mark.parametrize("sticky", [True, False])
def test_seldon_routes_pass_only_with_the_setting(*, sticky: bool) -> None:
    kept = KEPT if sticky else frozenset()
    session = Session(ExchangeSettings(kept_headers=kept, passed_headers=kept))
    inside = {"x-seldon-route": ":m_1:", "seldon-internal-model": "m_1"}
    messages = [
        envoy.request_headers(),
        envoy.request_body(UNARY),
        envoy.response_headers({**envoy.JSON, **inside}),
        envoy.response_body(ANSWER),
    ]
    first, _, _, last = (
        ProcessingResponse.FromString(session.handle(message.SerializeToString()))
        for message in messages
    )
    for mutation in (
        first.request_headers.response.header_mutation,
        last.response_body.response.header_mutation,
    ):
        assert ("x-seldon-route" not in mutation.remove_headers) is sticky
        assert "seldon-internal-model" in mutation.remove_headers


def test_credentials_are_found_among_all_headers_by_their_names(stream: Stream) -> None:
    names = {"x-vault-token", "my-apikey", "openai-new", "x-api-key"}
    others = {"x-trace", "idempotency-key", "sec-websocket-key", "accept", "seldon-model"}
    headers = {**envoy.POST_CHAT, **dict.fromkeys(names | others, "x")}
    reply = stream.ask(envoy.request_headers(headers))
    removed = reply.request_headers.response.header_mutation.remove_headers
    assert names <= set(removed)
    assert others.isdisjoint(removed)


@pytest.mark.parametrize("path", ["/v2/models/m/infer", "/v2", "/v2/health/ready"])
def test_plain_oip_turns_all_modes_off(stream: Stream, path: str) -> None:
    request = envoy.request_headers({":method": "POST", ":path": path})
    reply = stream.ask(request)
    assert reply.WhichOneof("response") == "request_headers"
    removed = HeaderMutation(remove_headers=CREDENTIALS)
    assert reply.request_headers.response == CommonResponse(header_mutation=removed)
    assert reply.HasField("mode_override")
    mode = reply.mode_override
    assert mode.response_header_mode == ProcessingMode.SKIP
    assert mode.request_body_mode == ProcessingMode.NONE
    assert mode.response_body_mode == ProcessingMode.NONE
    # Were Envoy not to honour the override, nothing would be changed either.
    for message in (
        envoy.request_body(UNARY),
        envoy.response_headers(),
        envoy.response_body(ANSWER),
    ):
        assert ask(stream, message) == CommonResponse()


def test_trailers_get_a_trailers_reply_in_every_state(stream: Stream) -> None:
    for message in (
        envoy.request_trailers(),
        envoy.request_headers(),
        envoy.request_body(UNARY),
        envoy.request_trailers(),
        envoy.response_headers(),
        envoy.response_body(ANSWER, end_of_stream=False),
        envoy.response_trailers(),
    ):
        reply = stream.ask(message)
        assert reply.WhichOneof("response") == message.WhichOneof("request")


def test_header_values_are_read_from_raw_value_and_else_from_value(stream: Stream) -> None:
    values = [
        HeaderValue(key=":method", value="POST"),
        HeaderValue(key=":path", value="/ignored", raw_value=b"/v1/embeddings"),
    ]
    headers = HttpHeaders(headers=HeaderMap(headers=values))
    ask(stream, ProcessingRequest(request_headers=headers))
    body = ask(stream, envoy.request_body(b'{"model":"m","input":"a"}'))
    assert envoy.set_headers(body.header_mutation)[":path"] == "/v2/models/m/infer"


def test_a_request_id_that_is_not_utf_8_is_kept_byte_for_byte(stream: Stream) -> None:
    identity = b"\xff\xfe".decode("utf-8", "surrogateescape")
    ask(stream, envoy.request_headers({**envoy.POST_CHAT, "x-request-id": identity}))
    mutation = ask(stream, envoy.request_body(UNARY)).header_mutation
    assert b"\xff\xfe" in [option.header.raw_value for option in mutation.set_headers]


def test_a_large_message_is_not_kept_beside_its_body() -> None:
    text = "x" * 100_000
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    message = envoy.request_body(body).SerializeToString()
    known = {**envoy.POST_CHAT, "x-request-id": "a"}  # or each would have another
    headers = envoy.request_headers(known).SerializeToString()
    replies, given = list[bytes](), bytearray(message)
    for large in (message, given):
        session = Session()
        session.respond(headers)
        replies.append(b"".join(session.respond(large) or ()))
    assert replies[0] == replies[1]
    assert text.encode() in replies[0]
    assert not given


@pytest.mark.parametrize("headers", [envoy.EVENTS, envoy.EVENTS_OVER_HTTP2], ids=["1.1", "2"])
def test_a_large_chunk_is_translated_in_steps(headers: dict[str, str]) -> None:
    data = event(oip.answer("word")) * 1000
    session = Session()
    for message in (
        envoy.request_headers(),
        envoy.request_body(STREAMED),
        envoy.response_headers(headers),
    ):
        session.handle(message.SerializeToString())
    record = session.exchange.record
    steps, busy = 1, record.busy
    reply = session.respond(envoy.response_body(data).SerializeToString())
    while reply is None:
        assert record.busy > busy
        steps, busy = steps + 1, record.busy
        reply = session.resume()
    assert steps == -(-len(data) // 16_384)
    found = ProcessingResponse.FromString(reply.head + reply.body)
    mutation = found.response_body.response.body_mutation
    assert mutation.streamed_response.end_of_stream == (headers is envoy.EVENTS_OVER_HTTP2)
    chunks = documents_of(reply.body)
    words = [chunk["choices"][0]["delta"].get("content") for chunk in chunks]
    assert words == ["word"] * 1000 + [None]
    assert record.complete


def test_a_message_of_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(DecodeError, match="unknown kind"):
        Session().handle(b"")


def test_bytes_that_are_no_message_are_an_error() -> None:
    with pytest.raises(DecodeError):
        Session().handle(b"\xff\xff\xff")


def test_sessions_are_independent() -> None:
    first, second = Session(), Session()
    first.handle(envoy.request_headers().SerializeToString())
    body = envoy.request_body(UNARY).SerializeToString()
    assert ProcessingResponse.FromString(first.handle(body)).request_body.response.clear_route_cache
    assert ProcessingResponse.FromString(second.handle(body)).request_body.response == (
        CommonResponse()
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/\udcff"},
        {":path": "/v1/\udcff"},
        {":method": "\udcff"},
        {"content-length": "²"},
    ],
)
def test_invalid_bytes_in_headers_are_at_most_a_client_error(headers: dict[str, str]) -> None:
    session = Session()
    for message in (
        envoy.request_headers({**envoy.POST_CHAT, **headers}),
        envoy.request_body(b"{}"),
    ):
        reply = ProcessingResponse.FromString(session.handle(message.SerializeToString()))
        if reply.WhichOneof("response") == "immediate_response":
            break
    assert 400 <= reply.immediate_response.status.code < 500


@pytest.mark.parametrize("body", [b'{"prompt": "x"}', b'{"model": "x", "prompt": "x"}'])
def test_a_model_of_the_url_that_is_not_utf_8_is_refused(body: bytes) -> None:
    session = Session()
    path = "/v2/models/\udcff/infer/images/generations"
    head = envoy.request_headers({**envoy.POST_CHAT, ":path": path})
    session.handle(head.SerializeToString())
    message = envoy.request_body(body).SerializeToString()
    reply = ProcessingResponse.FromString(session.handle(message))
    assert reply.immediate_response.status.code in (400, 404)
