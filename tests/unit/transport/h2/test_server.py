"""Calls over real sockets: responses, splits of the input, and ends."""

import json
import logging
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import grpc
import pytest

from tests import oip
from tests.unit import envoy
from tests.unit.events import event
from tests.unit.transport.h2.library import (
    CHECK,
    LIST,
    NOTHING,
    PROCESS,
    WATCH,
    Client,
    connected,
    message,
)
from tests.unit.transport.h2.serving import Served, serving, until
from tests.unit.transport.running import OPTIONS
from translator.extproc._proto.external_processor_pb2 import ProcessingRequest, ProcessingResponse
from translator.extproc.session import Session
from translator.transport.h2.limits import Limits
from translator.transport.service import SERVICE

UNARY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hello"}]}).encode()
ANSWER = json.dumps(oip.answer("Hi")).encode()
EXCHANGE = (
    envoy.request_headers(),
    envoy.request_body(UNARY),
    envoy.response_headers(),
    envoy.response_body(ANSWER),
)
KINDS = ["request_headers", "request_body", "response_headers", "response_body"]
SAID = "what a client said"


def packed(*requests: ProcessingRequest) -> bytes:
    return b"".join(message(request.SerializeToString()) for request in requests)


def kinds(replies: list[bytes]) -> list[str | None]:
    return [ProcessingResponse.FromString(reply).WhichOneof("response") for reply in replies]


@pytest.fixture(params=["tcp", "unix"])
async def served(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Served]:
    address = "127.0.0.1:0" if request.param == "tcp" else f"unix:{tmp_path}/s"
    async with serving(address) as made:
        yield made


@pytest.fixture
async def tcp() -> AsyncIterator[Served]:
    async with serving() as made:
        yield made


@pytest.fixture
async def client(tcp: Served) -> AsyncIterator[Client]:
    async with connected(tcp.address) as made:
        yield made


@pytest.mark.parametrize("piece", [1, 3, 100, 2**20])
async def test_an_exchange_in_frames_of_any_size(served: Served, piece: int) -> None:
    async with connected(served.address) as client:
        stream = await client.open(PROCESS)
        await client.send(stream, packed(*EXCHANGE), end=True, piece=piece)
        answer = await client.ended(stream)
    assert kinds(answer.messages) == KINDS
    assert answer.headers == {":status": "200", "content-type": "application/grpc"}
    assert answer.trailers == {"grpc-status": "0"}
    assert [session.asked for session in served.sessions] == [4]


async def test_each_message_gets_its_reply_at_once(served: Served) -> None:
    async with connected(served.address) as client:
        stream = await client.open(PROCESS)
        for number, request in enumerate(EXCHANGE, 1):
            await client.send(stream, packed(request))
            assert kinds(await client.reply(stream, number)) == KINDS[:number]
        await client.send(stream, b"", end=True)
        assert (await client.ended(stream)).status == (0, "")


@pytest.mark.parametrize("window", [65_535, 2**24])
async def test_a_message_of_12_mb_passes_both_ways(served: Served, window: int) -> None:
    text = "x" * 12_000_000
    body = json.dumps({"model": "m", "input": text}).encode()
    head = envoy.request_headers({**envoy.POST_CHAT, ":path": "/v1/embeddings"})
    async with connected(served.address, window=window) as client:
        stream = await client.open(PROCESS)
        await client.send(stream, packed(head, envoy.request_body(body)), end=True)
        answer = await client.ended(stream)
    reply = ProcessingResponse.FromString(answer.messages[1])
    tensor = json.loads(reply.request_body.response.body_mutation.body)["inputs"][0]
    assert tensor["data"] == [text]
    assert answer.status == (0, "")


async def test_a_busy_stream_does_not_delay_another(served: Served) -> None:
    body = json.dumps({**json.loads(UNARY), "stream": True}).encode()
    before = packed(
        envoy.request_headers(), envoy.request_body(body), envoy.response_headers(envoy.EVENTS)
    )
    events = event(oip.answer("word")) * (50_000 // len(event(oip.answer("word"))))
    async with connected(served.address) as client:
        busy, other = await client.open(PROCESS), await client.open(PROCESS)
        await client.send(busy, before)
        await client.reply(busy, 3)
        large = packed(envoy.response_body(events, end_of_stream=False))
        for start in range(0, len(large), 16_384):
            client.http.send_data(busy, large[start : start + 16_384])
        client.http.send_data(other, packed(envoy.request_headers()))
        await client.flush()  # the server reads both at once
        (*_, reply) = await client.reply(busy, 4)
        replies = [frame.stream for frame in client.frames if frame.kind == 0]
        assert replies[:4] == [busy, busy, busy, other]
        assert reply.count(b'"word"') == events.count(b'"word"')
        await client.send(busy, b"", end=True)
        await client.send(other, b"", end=True)


async def test_many_streams_at_once(served: Served) -> None:
    async with connected(served.address) as client:
        streams = [await client.open(PROCESS) for _ in range(200)]
        for request in EXCHANGE:
            for stream in streams:
                await client.send(stream, packed(request))
        for stream in streams:
            await client.send(stream, b"", end=True)
        for stream in streams:
            answer = await client.ended(stream)
            assert kinds(answer.messages) == KINDS
            assert answer.status == (0, "")
        assert not served.calls
    assert len(served.sessions) == 200


@pytest.mark.parametrize("path", [PROCESS, "/nothing"])
async def test_a_call_without_a_message_has_trailers_only(client: Client, path: str) -> None:
    stream = await client.open(path, end=True)
    answer = await client.ended(stream)
    assert answer.status[0] == (0 if path == PROCESS else 12)
    assert answer.headers[":status"] == "200"
    assert answer.headers["content-type"] == "application/grpc"
    assert not answer.trailers
    assert answer.reset is None, "it had no more to say"


MOMENTS: dict[str, bytes] = {
    "headers": b"",
    "in a prefix": b"\0\0",
    "in a message": packed(*EXCHANGE)[:20],
    "after a message": packed(*EXCHANGE[:1]),
    "between": packed(*EXCHANGE[:1]) + b"\0",
    "after all": packed(*EXCHANGE),
}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_reset_ends_a_call_and_no_other(tcp: Served, client: Client, moment: str) -> None:
    other = await client.open(PROCESS)
    stream = await client.open(PROCESS)
    await client.send(stream, MOMENTS[moment])
    await client.reset(stream)
    await client.send(other, packed(*EXCHANGE))
    assert kinds(await client.reply(other, 4)) == KINDS
    assert [session.closed for session in tcp.sessions] == [0, 1]
    assert tcp.calls == 2, "one, held by its connection and for the drain"
    await client.send(other, b"", end=True)
    assert (await client.ended(other)).status == (0, "")
    assert not tcp.calls
    assert [session.closed for session in tcp.sessions] == [1, 1]


async def test_a_reset_while_a_response_waits_for_the_client(tcp: Served) -> None:
    async with connected(tcp.address, window=10) as client:
        client.generous = False
        stream = await client.open(PROCESS)
        await client.send(stream, packed(*EXCHANGE), end=True)
        await client.until(lambda: len(client.answers[stream].data) == 10)
        await client.reset(stream)
        assert (await client.call(CHECK)).status == (0, "")
        assert not tcp.calls
        assert [session.closed for session in tcp.sessions] == [1]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_disconnect_ends_the_calls(tcp: Served, moment: str) -> None:
    async with connected(tcp.address) as client:
        for _ in range(3):
            stream = await client.open(PROCESS)
            await client.send(stream, MOMENTS[moment])
        await until(lambda: len(tcp.sessions) == 3)
    await until(lambda: not tcp.peers)
    assert not tcp.calls
    assert [session.closed for session in tcp.sessions] == [1, 1, 1]


async def test_a_disconnect_inside_a_frame(tcp: Served) -> None:
    async with connected(tcp.address) as client:
        await client.open(PROCESS)
        await client.say(b"\0\0\x64\0\0\0\0\0\1half of it")
        await until(lambda: tcp.sessions)
    await until(lambda: not tcp.peers)
    assert not tcp.calls
    assert [session.closed for session in tcp.sessions] == [1]


UNDECLARED = (13, "a compressed message without grpc-encoding")
NO_REQUEST = (3, "not a ProcessingRequest")
INCOMPLETE = (13, "the last message is incomplete")
CANNOT_GO_ON: dict[str, tuple[bytes, dict[str, str], tuple[int, str]]] = {
    "compressed": (message(b"", flag=1), {}, UNDECLARED),
    "compressed as identity": (message(b"", flag=1), {"grpc-encoding": "identity"}, UNDECLARED),
    "compressed with gzip": (
        message(b"", flag=1),
        {"grpc-encoding": "gzip"},
        (12, "compression is not supported"),
    ),
    "not protobuf": (message(b"\xff\xff\xff"), {}, NO_REQUEST),
    "empty": (message(b""), {}, NO_REQUEST),
    "unknown field": (message(b"\x7a\x00"), {}, NO_REQUEST),
    "too large": (b"\0\0\0\x03\xe9", {}, (8, "a message of 1001 bytes is too large")),
    "cut in a message": (message(b"..")[:-1], {}, INCOMPLETE),
    "cut in a prefix": (b"\0\0", {}, INCOMPLETE),
}


@pytest.mark.parametrize("case", CANNOT_GO_ON)
async def test_invalid_calls_get_an_error_status(case: str) -> None:
    data, fields, status = CANNOT_GO_ON[case]
    # Only its end tells that a message will never be whole.
    ends = [True] if status == INCOMPLETE else [True, False]
    async with serving(limits=Limits(message=1000)) as served, connected(served.address) as client:
        for after, together, end in product((b"", packed(EXCHANGE[0])), (True, False), ends):
            stream = await client.open(PROCESS, fields)
            if after and not together:
                await client.send(stream, after)
                await client.reply(stream)
            await client.send(stream, after * together + data, end=end)
            answer = await client.ended(stream)
            assert answer.status == status
            assert kinds(answer.messages) == KINDS[: bool(after)]
            assert not served.calls
            # The connection goes on.
            assert (await client.call(PROCESS, packed(*EXCHANGE))).status == (0, "")
            assert answer.reset == (None if end else 0), "it is told to stop if it has not"


async def test_an_error_is_sent_after_earlier_replies() -> None:
    async with (
        serving(answer=lambda _: bytes(100)) as served,
        connected(served.address, window=0) as client,
    ):
        client.generous = False
        stream = await client.open(PROCESS)
        await client.send(stream, message(b"") + message(b"") + message(b"", flag=1))
        await client.send(stream, b"and so on")
        await until(lambda: served.sessions and served.sessions[0].asked)
        client.http.increment_flow_control_window(1000, stream)
        await client.flush()
        answer = await client.ended(stream)
        assert answer.messages == [bytes(100)] * 2
        assert answer.status == (13, "a compressed message without grpc-encoding")


async def test_a_message_of_the_maximum_size_is_accepted() -> None:
    async with serving(limits=Limits(message=1000)) as served, connected(served.address) as client:
        answer = await client.call(PROCESS, message(bytes(1000)))
        assert answer.status == (3, "not a ProcessingRequest")


@pytest.mark.parametrize("error", [KeyError, ValueError])
async def test_internal_errors_are_not_disclosed(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_message: object) -> bytes:
        raise error(SAID)

    async with serving(answer=fail) as served, connected(served.address) as client:
        answer = await client.call(PROCESS, packed(*EXCHANGE))
        assert answer.status == (13, "internal error")
        assert (await client.call(CHECK)).status == (0, "")
    assert [record.getMessage() for record in caplog.records if record.exc_info] == [
        "processing a message failed"
    ]


async def test_a_failed_session_ends_only_its_call(
    tcp: Served, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError(SAID)

    other = await client.open(PROCESS)
    await client.send(other, packed(EXCHANGE[0]))
    await client.reply(other)
    with monkeypatch.context() as patch:
        patch.setattr(tcp.transport._services, "_new_session", fail)  # noqa: SLF001 -- nobody has it else
        answer = await client.call(PROCESS, packed(*EXCHANGE))
    assert answer.status == (13, "internal error")
    await client.send(other, packed(*EXCHANGE[1:]), end=True)
    assert kinds((await client.ended(other)).messages) == KINDS


async def test_a_failing_close_does_not_affect_other_calls(
    tcp: Served, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_record: object) -> None:
        raise KeyError(SAID)

    services = tcp.transport._services  # noqa: SLF001 -- nobody has it else
    other = await client.open(PROCESS)
    await client.send(other, packed(EXCHANGE[0]))
    await client.reply(other)
    with monkeypatch.context() as patch:
        patch.setattr(services, "_new_session", lambda _: Session(on_end=fail))
        assert (await client.call(PROCESS, packed(*EXCHANGE))).status == (0, "")
        async with connected(tcp.address) as leaves:
            for _ in range(3):
                stream = await leaves.open(PROCESS)
                await leaves.send(stream, packed(EXCHANGE[0]))
                await leaves.reply(stream)
            await leaves.reset(stream)
            await until(lambda: len(services.open) == 3)
        await until(lambda: len(services.open) == 1)
    await client.send(other, packed(*EXCHANGE[1:]), end=True)
    assert kinds((await client.ended(other)).messages) == KINDS
    assert services.idle.is_set()
    messages = [record.getMessage() for record in caplog.records if record.exc_info]
    assert messages == ["reporting the end of an exchange failed"] * 4


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        (CHECK, b"", (13, "no message")),
        (LIST, b"", (13, "no message")),
        (WATCH, b"", (13, "no message")),
        (CHECK, message(b"\xff"), (13, "invalid request message")),
        (WATCH, message(b"\xff"), (13, "invalid request message")),
        (CHECK, message(b"\x0a\x05other"), (5, "no such service")),
        (f"/{SERVICE}/process", NOTHING, (12, "no such method")),
        (f"/{SERVICE}/Process/", NOTHING, (12, "no such method")),
        (
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            NOTHING,
            (12, "no such method"),
        ),
        ("*", NOTHING, (12, "no such method")),
    ],
)
async def test_how_other_calls_end(
    client: Client, path: str, data: bytes, status: tuple[int, str]
) -> None:
    assert (await client.call(path, data)).status == status


async def test_a_second_message_of_a_unary_call_is_ignored(client: Client) -> None:
    answer = await client.call(CHECK, NOTHING + message(b"\xff"))
    assert (answer.messages, answer.status) == ([b"\x08\x01"], (0, ""))
    watch = await client.open(WATCH)
    await client.send(watch, NOTHING + NOTHING, end=True)
    assert await client.reply(watch) == [b"\x08\x01"]
    assert (await client.call(CHECK)).status == (0, "")
    assert len(client.answers[watch].messages) == 1
    assert not client.answers[watch].ended


async def test_a_check_gets_its_response_before_the_end_of_the_request(client: Client) -> None:
    stream = await client.open(CHECK)
    await client.send(stream, NOTHING)
    answer = await client.ended(stream)
    assert (answer.messages, answer.status) == ([b"\x08\x01"], (0, ""))


@pytest.mark.parametrize("path", [PROCESS, CHECK, "/nothing"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "post"])
async def test_another_method_is_405(client: Client, path: str, method: str) -> None:
    stream = await client.open(path, {":method": method}, end=True)
    answer = await client.ended(stream)
    assert answer.headers == {":status": "405", "allow": "POST"}
    assert answer.ended


@pytest.mark.parametrize("kind", ["", "application/json", "text/plain", "application/grpc-web"])
async def test_other_content_types_get_415(client: Client, kind: str) -> None:
    answer = await client.call(PROCESS, fields={"content-type": kind})
    assert answer.headers == {":status": "415"}


@pytest.mark.parametrize("kind", ["", "+proto", ";charset=x"])
async def test_grpc_content_types_are_accepted(client: Client, kind: str) -> None:
    fields = {"content-type": f"application/grpc{kind}"}
    assert (await client.call(CHECK, fields=fields)).status == (0, "")


async def test_a_session_can_ask_for_the_headers_of_its_call(tcp: Served, client: Client) -> None:
    await client.call(PROCESS, b"", {"traceparent": "00-1"})
    assert tcp.metadata[0]["traceparent"] == "00-1"
    assert tcp.metadata[0][":path"] == PROCESS


async def test_headers_are_not_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await client.call(PROCESS, fields={"authorization": "hush"})
    ours = [record for record in caplog.records if "decod" in record.getMessage().lower()]
    assert not [record for record in ours if "hush" in record.getMessage()]


async def test_a_compressed_message_is_refused(tcp: Served) -> None:
    async with grpc.aio.insecure_channel(tcp.address, OPTIONS) as channel:
        call = channel.stream_stream(PROCESS)(compression=grpc.Compression.Gzip)
        await call.write(envoy.request_body(bytes(10_000)).SerializeToString())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert caught.value.details() == "compression is not supported"
