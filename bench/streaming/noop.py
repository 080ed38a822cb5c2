"""The baseline for streams: :mod:`bench.noop` with constants for the events of a stream too.

Each chunk of the response is replaced by as many of the filter's events as it completes, all with
the same content, so that Envoy sends the client as much as with the filter. They are counted by the
size of the chunk, for which the message is parsed (under 1 us).
"""

import argparse
import asyncio
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import TYPE_CHECKING

from bench import noop
from bench.streaming import events
from translator.extproc._proto.external_processor_pb2 import (
    HeaderMap,
    HeaderValue,
    HttpBody,
    HttpHeaders,
    ProcessingRequest,
    ProcessingResponse,
)
from translator.extproc.session import Session

if TYPE_CHECKING:
    import grpc

_EVENT = len(events.event(0))
_PIECE = ProcessingRequest(response_body=HttpBody(body=b" ")).SerializeToString()[0]


class Recorded:
    """The filter's replies to one stream of two events."""

    def __init__(self) -> None:
        session = Session()
        *request, _headers, _body = events.STREAMED.messages()
        messages = [*request, response_headers()]
        self.replies = {message[0]: session.handle(message) for message in messages}
        self._first, self._next, self._last = (
            ProcessingResponse.FromString(session.handle(message)) for message in _pieces()
        )

    @lru_cache(maxsize=1024)  # noqa: B019 -- there is one for the life of the process
    def body(self, count: int, *, first: bool, last: bool) -> bytes:
        """The reply to a chunk that completes ``count`` events."""
        parts = [self._next] * count
        if first and parts:
            parts[0] = self._first
        if last:
            parts.append(self._last)
        said = (part.response_body.response.body_mutation.body for part in parts)
        reply = ProcessingResponse()
        reply.CopyFrom((parts or [self._next])[0])
        reply.response_body.response.body_mutation.body = b"".join(said)
        return reply.SerializeToString()


def response_headers() -> bytes:
    """Envoy's message with the response headers of a stream."""
    headers = {
        ":status": "200",
        "content-type": "text/event-stream",
        "date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "server": "envoy",
        "transfer-encoding": "chunked",
    }
    pairs = [HeaderValue(key=name, raw_value=text.encode()) for name, text in headers.items()]
    response = HttpHeaders(headers=HeaderMap(headers=pairs))
    return ProcessingRequest(response_headers=response).SerializeToString()


def _pieces() -> list[bytes]:
    pieces = [
        HttpBody(body=events.event(0)),
        HttpBody(body=events.event(1)),
        HttpBody(end_of_stream=True),
    ]
    return [ProcessingRequest(response_body=piece).SerializeToString() for piece in pieces]


async def serve(port: int) -> None:
    """Serve on a loopback port until the process is ended."""
    recorded = Recorded()

    async def process(
        messages: AsyncIterator[bytes], _: "grpc.aio.ServicerContext[bytes, bytes]"
    ) -> AsyncIterator[bytes]:
        first, left = True, 0
        async for message in messages:
            if message[0] != _PIECE:
                yield recorded.replies[message[0]]
                continue
            piece = ProcessingRequest.FromString(message).response_body
            count, left = divmod(left + len(piece.body), _EVENT)
            yield recorded.body(count, first=first, last=piece.end_of_stream)
            first = first and not count

    await noop.listen(port, process)


def main() -> None:
    """Run the server."""
    parser = argparse.ArgumentParser(prog="python -m bench.streaming.noop", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="the loopback port to listen on")
    asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
