"""A proxy as an alternative to the filter, with an exchangeable HTTP client.

It terminates the client's connection, opens its own to the model server, and uses the filter's
translation. It parses and checks nothing twice: bodies stay bytes, without pydantic models.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from translator.contracts.models import Target
from translator.errors import TranslatorError
from translator.exchange import upstream_errors
from translator.exchange.settings import Limits
from translator.exchange.upstream_response import UpstreamResponse
from translator.openai.errors import error_body
from translator.operations.base import Inference, LocalResponse, Operation, Stream
from translator.operations.events import split
from translator.operations.registry import OPERATIONS

_EVENTS, _JSON = "text/event-stream", "application/json"
_LARGEST_EVENT = Limits().event

HEADERS = {"content-type": _JSON, "accept-encoding": "identity"}
"""The headers for the model server. The client's, with its credentials, are not forwarded."""


class Answer(Protocol):
    """A model server's response, of which only the head has been read."""

    status: int
    content_type: str

    async def read(self) -> bytes:
        """Read the whole body and release the connection."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The chunks of the body as they arrive."""

    async def close(self) -> None:
        """Release the connection, also in the middle of the body."""


class Client(AbstractAsyncContextManager["Client"]):
    """An HTTP client with a pool of connections to one model server."""

    Failure: type[Exception]
    """The exception for a failed connection or an incomplete response."""

    async def post(self, path: str, body: bytes) -> Answer:
        """Post JSON."""
        raise NotImplementedError


def proxy(make_client: Callable[[], Client]) -> FastAPI:
    """The application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with make_client() as client:
            for operation in OPERATIONS.values():
                # Not with FastAPI's decorators: they resolve dependencies at each request, and
                # there are none.
                path = f"/v1/{operation.name}"
                app.add_route(path, _serve(operation, client), [*operation.methods])
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.add_exception_handler(TranslatorError, _refuse)
    return app


def _serve(operation: Operation, client: Client) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        inference = operation.accept(await request.body(), Target())
        if isinstance(inference, LocalResponse):
            return Response(inference.body, inference.status, media_type=_JSON)
        try:
            answer = await client.post(inference.request.path, inference.request.body)
            if inference.stream and _head(answer).is_events and _head(answer).succeeded:
                events = _events(answer, inference.stream(_LARGEST_EVENT), client)
                return StreamingResponse(events, media_type=_EVENTS)
            return _whole(_head(answer), await answer.read(), inference)
        except client.Failure as error:
            raise upstream_errors.from_response(502, "", b"", inference.model) from error

    return serve


def _head(answer: Answer) -> UpstreamResponse:
    return UpstreamResponse({":status": str(answer.status), "content-type": answer.content_type})


def _whole(head: UpstreamResponse, body: bytes, inference: Inference) -> Response:
    if not head.succeeded:
        raise head.error(body, inference.model)
    whole = inference.complete(
        split(body, inference.request.end_of_stream) if head.is_events else [body]
    )
    return Response(whole.body, media_type=_EVENTS if inference.as_events else _JSON)


async def _events(answer: Answer, stream: Stream, client: Client) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.chunks():
            if events := stream.feed(chunk):
                yield events
        yield stream.finish()
    except client.Failure:  # the status has been sent
        yield stream.fail(upstream_errors.from_response(502, "", b"", None))
    finally:
        await answer.close()


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, TranslatorError)  # noqa: S101 -- it is registered for these
    return Response(error_body(error), error.status, media_type=_JSON)
