"""The load on streams: it reads all events, and detects wrong ones."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from bench.results import BenchError
from bench.streaming import events
from bench.streaming.client import Chunks
from bench.streaming.load import Target, opened
from bench.streaming.noop import Recorded, response_headers
from demo import stack
from translator.extproc._proto.external_processor_pb2 import (
    HttpBody,
    ProcessingRequest,
    ProcessingResponse,
)
from translator.extproc.session import Session

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
WIRE = b"5\r\nhello\r\nC\r\n, chunked\n\r\n\r\n0\r\n\r\n"
BODY = b"hello, chunked\n\r\n"


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def splits(data: bytes) -> Iterator[list[bytes]]:
    """The data whole, cut in two at every place, and byte by byte."""
    yield [data]
    yield from ([data[:cut], data[cut:]] for cut in range(1, len(data)))
    yield [data[at : at + 1] for at in range(len(data))]


def test_chunks_are_decoded_for_any_split() -> None:
    for pieces in splits(WIRE):
        chunks = Chunks()
        assert b"".join(map(chunks.feed, pieces)) == BODY
        assert chunks.ended


def test_an_incomplete_body_has_not_ended() -> None:
    chunks = Chunks()
    chunks.feed(WIRE[: WIRE.index(b"0\r\n")])
    assert not chunks.ended


def direct(port: int | None = None, *, numbered: bool = True) -> Target:
    """The load's own model server without anything between, or whatever is on the port."""
    upstream = stack.free_port()
    body = events.STREAMED.translated.request.body
    return Target(port or upstream, upstream, events.OIP_PATH, body, False, numbered)  # noqa: FBT003 -- a field


async def test_all_events_are_received_with_their_times() -> None:
    async with opened(direct(), streams=3, interval=0.01) as load:
        # Enough that one event which is late does not change the mean of their intervals.
        while load.received < 300:  # noqa: ASYNC110 -- nothing tells when it comes true
            await asyncio.sleep(0.005)
    first, last = load.clients[0].received[0], load.clients[0].received[-1]
    assert all(0 < each < 10 for each in load.first_events())
    assert len(load.delays(0, last + 10)) == load.received
    assert all(0 < delay < 10 for delay in load.delays(0, last + 10))
    assert len([*load.gaps(first, last)]) >= len(load.clients[0].received) - 1
    assert not load.delays(last + 10, last + 20)
    assert not [*load.gaps(last + 10, last + 20)]
    times = load.sent[0]
    assert (times[-1] - times[0]) / (len(times) - 1) == pytest.approx(0.01, rel=0.3)


async def test_without_pauses_the_reader_sets_the_pace() -> None:
    async with opened(direct(), streams=1, interval=None) as load:
        while load.received < 5000:  # noqa: ASYNC110 -- nothing tells when it comes true
            await asyncio.sleep(0.005)
    assert len(load.sent[0]) == load.received
    assert all(earlier <= later for earlier, later in pairwise(load.clients[0].received))


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    """The port of a server that answers with these bytes and closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "not a good answer"),
        (HEAD + b"what?\r\n", "not chunked"),
        (HEAD + chunked(events.event(0))[:-5], "broke off after 1 events"),
        (HEAD + chunked(events.event(0), events.event(1)[:-1]), "broke off after 1 events"),
        (HEAD + chunked(events.event(0), events.event(2)), "after 0 events came .*0.*2"),
        (HEAD + chunked(events.event(0)), "0 events were sent, 1 received"),
    ],
)
async def test_wrong_events_are_detected(answer: bytes, said: str) -> None:
    async with answering(answer) as port:
        with pytest.raises(BenchError, match=said):
            async with opened(direct(port), streams=1, interval=1):
                pass


async def test_a_refused_connection_is_detected() -> None:
    with pytest.raises(BenchError, match="cannot connect"):
        async with opened(direct(stack.free_port()), streams=1, interval=1):
            pass


async def test_an_openai_stream_must_end_as_one() -> None:
    openai = direct()._replace(openai=True)
    with pytest.raises(BenchError, match="a stream ended with"):
        async with opened(openai, streams=1, interval=1):
            pass


def body_of(reply: bytes) -> bytes:
    response = ProcessingResponse.FromString(reply)
    assert response.WhichOneof("response") == "response_body"
    return response.response_body.response.body_mutation.body


def test_the_noop_server_sends_as_much_as_the_filter() -> None:
    recorded, session = Recorded(), Session()
    for message in events.STREAMED.messages()[:2]:
        session.handle(message)
    session.handle(response_headers())
    for pieces, last in (([0], False), ([1], False), ([2, 3, 4], False), ([], True)):
        piece = HttpBody(body=b"".join(map(events.event, pieces)), end_of_stream=last)
        said = session.handle(ProcessingRequest(response_body=piece).SerializeToString())
        floor = recorded.body(len(pieces), first=pieces == [0], last=last)
        assert len(body_of(floor)) == len(body_of(said)) > 0


def test_the_noop_server_drops_chunks_that_complete_no_event() -> None:
    assert body_of(Recorded().body(0, first=False, last=False)) == b""
