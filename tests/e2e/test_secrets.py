"""Nothing of a body, and no credential, reaches the log: whatever goes wrong, at any level."""

import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Upstream
from tests.unit.events import stream
from translator.exchange.headers import CREDENTIALS
from translator.transport.grpcio import SERVICE

pytestmark = pytest.mark.transport

SECRET = "hush"  # noqa: S105 -- an invented one
CHAT, EMBEDDINGS, IMAGES = "/v1/chat/completions", "/v1/embeddings", "/v1/images/generations"
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hush-question"}]}
STREAMED = {**HELLO, "stream": True}
HEADERS = {name.replace("-", "_"): f"hush-{name}" for name in CREDENTIALS}

# Requests that are refused: a path and a body.
REFUSED: dict[str, tuple[str, object]] = {
    "not JSON": (CHAT, b'{"model": "m", "messages": [hush]}'),
    "cut off": (CHAT, json.dumps(HELLO).encode()[:-3]),
    "not UTF-8": (CHAT, b'{"model": "m", "user": "hush\xff"}'),
    "not an object": (CHAT, b'"hush"'),
    "a type": (CHAT, {**HELLO, "temperature": "hush"}),
    "a role": (CHAT, {"model": "m", "messages": [{"role": "hush", "content": "hush"}]}),
    "a part": (CHAT, {"model": "m", "messages": [{"role": "user", "content": [{"type": "hush"}]}]}),
    "a lone surrogate": (CHAT, b'{"model": "m", "messages": [{"role": "\\ud800hush"}]}'),
    "a number": (CHAT, b'{"model": "m", "messages": [], "seed": 1e999, "user": "hush"}'),
    "nested": (CHAT, b'{"model": "m", "user": ' + b'{"hush":' * 20_000),
    "embeddings": (EMBEDDINGS, {"model": "m", "input": [{"hush": "hush"}]}),
    "an encoding": (EMBEDDINGS, {"model": "m", "input": "hush", "encoding_format": "hush"}),
    "images": (IMAGES, {"model": "m", "prompt": ["hush"], "size": "hush"}),
    "a query": (f"{CHAT}?api_key=hush", b"hush"),
    "another operation": ("/v1/hush", {"model": "m", "hush": "hush"}),
}

# Whole answers: a status, a content type and a body.
ANSWERS: dict[str, tuple[str, str, bytes]] = {
    "good": ("200 OK", "application/json", json.dumps(oip.answer("hush")).encode()),
    "not JSON": ("200 OK", "application/json", b"hush"),
    "not UTF-8": ("200 OK", "application/json", b'{"outputs": "hush\xff"}'),
    "not OIP": ("200 OK", "application/json", b'{"hush": "hush"}'),
    "not what it says": (
        "200 OK",
        "application/json",
        b'{"outputs": [{"name": "hush", "datatype": "hush", "shape": ["hush"], "data": "hush"}]}',
    ),
    "an error": ("400 Bad Request", "application/json", b'{"error": "hush is not a word"}'),
    "a crash": ("500 Oops", "text/plain", b"Traceback (most recent call last):\n  hush\nE: hush"),
    "an OpenAI error": (
        "429 Slow Down",
        "application/json",
        b'{"error": {"message": "hush", "type": "requests", "param": "hush", "code": "slow"}}',
    ),
    "a redirect": ("302 Found", "text/html", b"<a href=hush>hush</a>"),
}

# What a streamed answer brings after its first event.
STREAMS: dict[str, bytes] = {
    "good": stream(oip.answer("hush")),
    "not JSON": b"data: hush\n\n",
    "an error": b'data: {"error": "hush"}\n\n',
    "cut off": b'data: {"outputs": [{"hush',
    "compressed after all": gzip.compress(b"hush"),
}


@pytest.fixture(scope="module", params=["text", "json"])
def gateway(
    request: pytest.FixtureRequest, _upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway whose translator logs all it has to say."""
    options = ["--log-level", "DEBUG", "--log-format", request.param]
    folder, port = tmp_path_factory.mktemp("secrets"), _upstream.port
    with stack.gateway(folder, http=port, grpc=port, options=options) as parts:
        yield Gateway(*parts)


def said_of(gateway: Gateway, request_id: str) -> str:
    """The translator's log so far, once it has the line of an exchange; it holds no secret."""
    return log_with(gateway, f" {request_id} ", f'"{request_id}"')


def log_with(gateway: Gateway, *texts: str) -> str:
    """The translator's log so far, once it has one of these texts; it holds no secret."""
    log = gateway.translator.log
    deadline = time.monotonic() + 30
    while not any(text in log.read_text() for text in texts):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    text = log.read_text()
    assert SECRET not in text
    return text


@pytest.mark.parametrize("case", REFUSED)
def test_a_request_that_is_refused(gateway: Gateway, upstream: Upstream, case: str) -> None:
    path, body = REFUSED[case]
    reply = gateway.post(path, body, x_request_id=f"refused {case}", **HEADERS)
    assert 400 <= reply.status < 500
    assert upstream.received == []
    said_of(gateway, f"refused {case}")


@pytest.mark.parametrize("case", ANSWERS)
@pytest.mark.parametrize("body", [HELLO, STREAMED], ids=["whole", "streamed"])
def test_an_answer(gateway: Gateway, upstream: Upstream, case: str, body: dict[str, Any]) -> None:
    status, kind, content = ANSWERS[case]
    upstream.answer(content, status=status, content_type=kind, set_cookie="hush=hush")
    gateway.post(CHAT, body, x_request_id=f"answer {case}", **HEADERS)
    assert len(upstream.received) == 1
    said_of(gateway, f"answer {case}")


@pytest.mark.parametrize("case", STREAMS)
def test_a_stream(gateway: Gateway, upstream: Upstream, case: str) -> None:
    upstream.stream(oip.answer("hush"), STREAMS[case], set_cookie="hush=hush")
    reply = gateway.post(CHAT, STREAMED, x_request_id=f"stream {case}", **HEADERS)
    assert b"hush" in reply.body
    said_of(gateway, f"stream {case}")


async def test_a_message_that_is_not_envoys(gateway: Gateway) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.worker}") as channel:
        call = channel.stream_stream(f"/{SERVICE}/Process")(metadata=[("authorization", SECRET)])
        await call.write(b"\xffhush")
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert log_with(gateway, "received a message that is not a ProcessingRequest")


def test_a_request_id_that_is_not_text_spoils_no_line(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer(oip.answer("hush"))
    reply = gateway.post(CHAT, HELLO, x_request_id="odd \xff\xfe")
    assert reply.status == 200
    upstream.answer(oip.answer("hush"))
    gateway.post(CHAT, HELLO, x_request_id="after it")
    text = said_of(gateway, "after it")
    assert "Logging error" not in text
    assert "odd" in text
