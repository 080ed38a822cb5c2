"""Operations of every kind: other methods, no body, an answer made here, an API of its own."""

from collections.abc import Callable
from typing import NoReturn

import pytest

from tests.unit.envoy import EVENTS, JSON
from tests.unit.exchange.conftest import Serve
from translator.errors import ClientError, TranslatorError, UpstreamError
from translator.exchange.actions import Action, Forward, Respond
from translator.exchange.exchange import Exchange
from translator.exchange.headers import STRIPPED_FROM_REQUEST
from translator.exchange.states import State
from translator.operations.base import Dialect, Inference, LocalResponse, Operation, Response
from translator.operations.events import EventStream
from translator.tasks.model import Target, UpstreamRequest
from translator.tasks.repair import Repair
from translator.tasks.usage import UNKNOWN

GET = {":method": "GET", ":path": "/v1/fake", "x-request-id": "id-7"}
POST = {**GET, ":method": "POST", "content-type": "application/json"}


def told(error: TranslatorError) -> bytes:
    return b'{"oops":%d}' % error.status


OWN = Dialect(told, lambda error: b"event: oops\ndata: %b\n\n" % told(error), b"event: end\n\n")
READY = UpstreamRequest("/v2/health/ready", b"", method="GET")


def answer(responses: object) -> Response:
    return Response(b'{"answered":%d}' % (responses == [b"{}"]))


def asking(request: UpstreamRequest) -> Callable[[bytes, Target], Inference]:
    """Accepts any request, and asks the model server this."""
    return lambda _body, _target: Inference("m", request, answer)


# --- Methods, and no body -------------------------------------------------------------------------


def test_an_operation_without_a_body_is_accepted_at_its_headers(serve: Serve) -> None:
    serve(Operation("fake", "fake", asking(READY), methods=("GET",)))
    exchange = Exchange()
    action = exchange.on_request_headers(GET, end_of_stream=True)
    assert isinstance(action, Forward)
    assert dict(action.set_headers)[":path"] == "/v2/health/ready"
    assert (action.body, action.reroute) == (b"", True)
    assert action.remove_headers == STRIPPED_FROM_REQUEST
    assert exchange.state is State.SENT
    exchange.on_response_headers(JSON, end_of_stream=False)
    assert exchange.on_response_body(b"{}", end_of_stream=True).body == b'{"answered":1}'


def test_another_method_is_told_the_one_that_there_is(serve: Serve) -> None:
    serve(Operation("fake", "fake", asking(READY), methods=("GET",)))
    action = Exchange().on_request_headers(POST, end_of_stream=False)
    assert isinstance(action, Respond)
    assert action.status == 405
    assert b"Not allowed to POST on /v1/fake (HINT: Perhaps you meant to use GET)" in action.body


def test_a_method_is_refused_in_the_dialect_of_the_operation(serve: Serve) -> None:
    serve(Operation("fake", "fake", asking(READY), methods=("GET",), dialect=OWN))
    exchange = Exchange()
    action = exchange.on_request_headers(POST, end_of_stream=False)
    assert isinstance(action, Respond)
    assert action.body == b'{"oops":405}'


def test_trailers_cannot_stand_for_a_body_that_the_model_server_is_to_get(serve: Serve) -> None:
    serve(Operation("fake", "fake", asking(READY)))
    exchange = Exchange()
    exchange.on_request_headers(POST, end_of_stream=False)
    action = exchange.on_request_trailers()
    assert isinstance(action, Respond)
    assert action.status == 400
    assert b"cannot have trailers" in action.body
    assert exchange.state is State.DONE


@pytest.mark.parametrize(
    ("kind", "status"), [("multipart/form-data; boundary=x", 0), ("application/json", 415)]
)
def test_an_operation_takes_the_media_types_that_it_says(
    serve: Serve, kind: str, status: int
) -> None:
    serve(Operation("fake", "fake", asking(READY), media_types=("multipart/form-data",)))
    action = Exchange().on_request_headers({**POST, "content-type": kind}, end_of_stream=False)
    assert (action.status if isinstance(action, Respond) else 0) == status


@pytest.mark.parametrize("asked", ["GET", "POST"])
@pytest.mark.parametrize("sent", ["GET", "POST"])
def test_the_model_server_is_asked_with_its_own_method(serve: Serve, asked: str, sent: str) -> None:
    request = UpstreamRequest("/v2/x", b"{}", method=sent)
    serve(Operation("fake", "fake", asking(request), methods=("GET", "POST")))
    exchange = Exchange()
    exchange.on_request_headers({**GET, ":method": asked}, end_of_stream=False)
    action = exchange.on_request_body(b"{}")
    assert isinstance(action, Forward)
    method = dict(action.set_headers).get(":method")
    assert method == (None if asked == sent else sent)


# --- Answers that are made here -------------------------------------------------------------------


def by_headers(exchange: Exchange) -> Action:
    return exchange.on_request_headers(GET, end_of_stream=True)


def by_body(exchange: Exchange) -> Action:
    exchange.on_request_headers(POST, end_of_stream=False)
    return exchange.on_request_body(b"{}")


@pytest.mark.parametrize("ask", [by_headers, by_body])
@pytest.mark.parametrize("status", [200, 404])
def test_a_local_response_is_the_clients_at_once(
    serve: Serve, ask: Callable[[Exchange], Action], status: int
) -> None:
    made = LocalResponse(b'{"object":"list"}', status)
    serve(Operation("fake", "fake", lambda _body, _target: made, methods=("GET", "POST")))
    exchange = Exchange()
    action = ask(exchange)
    assert isinstance(action, Respond)
    assert (action.status, action.body) == (status, made.body)
    headers = dict(action.headers)
    assert headers.pop("openai-processing-ms").isdecimal()
    assert headers == {
        "content-type": "application/json",
        "content-length": str(len(made.body)),
        "x-request-id": "id-7",
        "openai-version": "2020-10-01",
    }
    assert exchange.state is State.DONE
    record = exchange.record
    assert (record.operation, record.status, record.upstream_status) == ("fake", status, 0)
    assert (record.response_bytes, record.complete, record.error) == (len(made.body), True, "")
    assert record.responded_after is not None


# --- Errors in the dialect of the operation -------------------------------------------------------


UNARY, STREAMED = b"{}", b'{"stream":true}'


class Words:
    """Writes what it is given, and ends in nothing."""

    has_begun, tokens, model, repairs = True, UNKNOWN, "", frozenset[Repair]()

    def write(self, output: bytes) -> list[bytes]:
        return [output]

    def close(self) -> list[bytes]:
        return []

    def rescue(self) -> list[bytes]:
        return []


def decode(data: bytes) -> bytes:
    if data == b"refused":
        raise UpstreamError("no")
    if data == b"fault":
        raise RuntimeError
    return data


def own_accept(body: bytes, _target: Target) -> Inference:
    if body not in (UNARY, STREAMED):
        raise ClientError("no")

    def complete(_responses: object) -> NoReturn:
        raise UpstreamError("no")

    streamed = body == STREAMED
    request = UpstreamRequest("/v2/x", body, streamed)
    stream = (lambda limit: EventStream(decode, Words(), OWN, limit)) if streamed else None
    return Inference("m", request, complete, stream)


@pytest.fixture
def _own_dialect(serve: Serve) -> None:
    serve(Operation("fake", "fake", own_accept, dialect=OWN))


def held() -> Exchange:
    exchange = Exchange()
    exchange.on_request_headers(POST, end_of_stream=False)
    return exchange


def begin(body: bytes = UNARY) -> Exchange:
    exchange = held()
    exchange.on_request_body(body)
    return exchange


def respond(status: int, body: bytes) -> Action:
    exchange = begin()
    exchange.on_response_headers({**JSON, ":status": str(status)}, end_of_stream=False)
    return exchange.on_response_body(body, end_of_stream=True)


WHOLE: dict[str, tuple[Callable[[], Action], int]] = {
    "its headers": (
        lambda: Exchange().on_request_headers(
            {**POST, "content-type": "text/plain"}, end_of_stream=False
        ),
        415,
    ),
    "its headers, with too many others": (
        lambda: Exchange(overloaded=True).on_request_headers(POST, end_of_stream=False),
        503,
    ),
    "its headers, without a body": (
        lambda: Exchange().on_request_headers(POST, end_of_stream=True),
        400,
    ),
    "its body": (lambda: held().on_request_body(b"[]"), 400),
    "its trailers": (lambda: held().on_request_trailers(), 400),
    "a response's headers": (
        lambda: begin().on_response_headers({":status": "404"}, end_of_stream=True),
        404,
    ),
    "a response": (lambda: respond(429, b""), 429),
    "a response that cannot be translated": (lambda: respond(200, b"{}"), 502),
}


@pytest.mark.usefixtures("_own_dialect")
@pytest.mark.parametrize(("ask", "status"), WHOLE.values(), ids=list(WHOLE))
def test_an_error_is_told_in_the_dialect_of_the_operation(
    ask: Callable[[], Action], status: int
) -> None:
    assert ask().body == b'{"oops":%d}' % status


@pytest.mark.usefixtures("_own_dialect")
@pytest.mark.parametrize(
    ("headers", "chunk", "status"),
    [
        (EVENTS, b"data: refused\n\n", 502),
        (EVENTS, b"data: fault\n\n", 500),
        ({**EVENTS, "content-encoding": "gzip"}, b"no gzip", 502),
    ],
)
def test_and_inside_a_stream(headers: dict[str, str], chunk: bytes, status: int) -> None:
    exchange = begin(STREAMED)
    exchange.on_response_headers(headers, end_of_stream=False)
    body = exchange.on_response_body(chunk, end_of_stream=False).body
    assert body == b'event: oops\ndata: {"oops":%d}\n\nevent: end\n\n' % status
    assert exchange.on_response_body(b"data: more\n\n", end_of_stream=True).body == b""
