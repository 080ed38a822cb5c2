"""Dispatches requests to calls, by their headers. Shared by all connections of a server."""

import asyncio
import logging
import re
from collections.abc import Callable

from translator.transport.h2 import headers
from translator.transport.h2.calls import Call, ProcessCall, Request, UnaryCall, WatchCall
from translator.transport.h2.messages import CONTENT_TYPE, Status, only_trailers
from translator.transport.h2.turns import Turns
from translator.transport.health import messages
from translator.transport.health.server import Health
from translator.transport.service import SERVICE, NewSession, Stream

logger = logging.getLogger(__name__)

_GRPC = re.compile(rf"{CONTENT_TYPE}(?:$|[+;])")
_NOT_POST = headers.write((":status", "405"), ("allow", "POST"))
_NOT_GRPC = headers.write((":status", "415"))


class Services:
    """The services of a server.

    Args:
        new_session: creates the session of each new stream of Envoy.

    Attributes:
        health: the health service.
        draining: whether new streams of Envoy are refused.
        closed: whether new connections are refused too.
        open: Envoy's open streams.
        idle: set while there are no open streams.
    """

    def __init__(self, new_session: NewSession) -> None:
        self._new_session = new_session
        self.health = Health([SERVICE])
        self.draining = self.closed = False
        self.open: set[ProcessCall] = set()
        self.idle = asyncio.Event()
        self.idle.set()
        self.turns = Turns()

    def begin(self, request: Request, sent: Callable[[], None]) -> Call | None:
        """Start the call of a request; None if the response has been sent already.

        Args:
            request: the request.
            sent: to be called after a response outside of a read.
        """
        connection, stream, fields = request
        if fields[":method"] != "POST":
            connection.finish(stream, _NOT_POST)
        elif not _GRPC.match(fields.get("content-type", "")):
            connection.finish(stream, _NOT_GRPC)
        else:
            match fields[":path"]:
                case self._PROCESS if self.draining:
                    connection.finish(stream, only_trailers(Status.UNAVAILABLE, "draining"))
                case self._PROCESS:
                    return self._process(request)
                case messages.CHECK:
                    return UnaryCall(request, self.health.check)
                case messages.LIST:
                    return UnaryCall(request, self.health.listing)
                case messages.WATCH:
                    return WatchCall(request, self.health.watch, sent)
                case _:
                    connection.finish(stream, only_trailers(Status.UNIMPLEMENTED, "no such method"))
        return None

    def _process(self, request: Request) -> ProcessCall | None:
        try:
            session = self._new_session(Stream(lambda: request.fields, request.connection))
        except Exception:
            # Outside of this method it would end the connection, with all its calls.
            logger.exception("creating a session failed")
            failed = only_trailers(Status.INTERNAL, "internal error")
            request.connection.finish(request.stream, failed)
            return None
        call = ProcessCall(request, session, self._over)
        self.open.add(call)
        self.idle.clear()
        return call

    def _over(self, call: ProcessCall) -> None:
        self.open.discard(call)
        if not self.open:
            self.idle.set()

    _PROCESS = f"/{SERVICE}/Process"
