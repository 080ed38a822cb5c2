"""One gRPC stream of Envoy, for one HTTP exchange: bytes in, bytes out."""

import logging
from collections.abc import Callable, Iterator
from time import monotonic

from google.protobuf.message import DecodeError

from translator.exchange.actions import Action, Forward
from translator.exchange.body_log import BodyLog, Direction
from translator.exchange.exchange import Exchange
from translator.exchange.headers import READ, UNREAD, is_credential
from translator.exchange.record import Record
from translator.exchange.settings import DEFAULTS, ExchangeSettings
from translator.exchange.span import Tracer
from translator.exchange.states import Phase, State
from translator.extproc import body_reader, metadata, replies
from translator.extproc._proto.external_processor_pb2 import (
    HttpBody,
    HttpHeaders,
    ProcessingRequest,
)
from translator.extproc.replies import Reply

logger = logging.getLogger(__name__)

_STEP = 16 * 1024  # bytes of a chunk: translated within about a millisecond


def _ignore(_record: Record) -> None:
    pass


class Session:
    """Replies to the messages of one stream, each with one reply, in order.

    A transport is a loop around :meth:`respond`, and :meth:`resume` where a reply takes several
    steps. It never awaits and does no I/O.

    Args:
        settings: the settings of the exchange.
        on_end: called once with the record, when the exchange ends for any reason.
        overloaded: see :class:`~translator.exchange.exchange.Exchange`.
        begin: the same.
        tracer: starts the span of an exchange; None for no tracing.
    """

    __slots__ = ("_bodies", "_on_end", "_steps", "_told", "exchange")

    def __init__(
        self,
        settings: ExchangeSettings = DEFAULTS,
        on_end: Callable[[Record], None] = _ignore,
        *,
        overloaded: bool = False,
        begin: Callable[[], bool] = lambda: True,
        tracer: Tracer | None = None,
    ) -> None:
        self.exchange = Exchange(settings, overloaded=overloaded, begin=begin, tracer=tracer)
        self._on_end = on_end
        self._told = metadata.NOTHING
        self._bodies = BodyLog(self.exchange.record)
        self._steps: Iterator[Reply | None] = iter(())  # of the message that is being processed

    def close(self) -> None:
        """The stream has ended for any reason. Never raises."""
        record = self.exchange.record
        record.ended_after = self.exchange.elapsed
        try:
            self._on_end(record)
            if self.exchange.span is not None:
                self.exchange.span.end(record)
        except Exception:  # a failing listener must not affect other streams
            logger.exception("reporting the end of an exchange failed")

    def handle(self, message: bytes) -> bytes:
        """As :meth:`respond`, with all steps, in one piece, for a message with one reply."""
        reply = self.respond(message)
        while reply is None:
            reply = self.resume()
        return reply.head + reply.body

    def respond(self, message: bytes | bytearray) -> Reply | None:
        """Reply to a serialised ProcessingRequest with a serialised ProcessingResponse.

        Returns:
            the reply, or None if more steps are necessary: then call :meth:`resume`, after other
            streams have had their turn.

        Args:
            message: the request; a bytearray may be empty afterwards.

        Raises:
            google.protobuf.message.DecodeError: ``message`` is not a ProcessingRequest, or of an
                unknown kind.
        """
        started = monotonic()
        try:
            return self._dispatch(message)
        finally:
            self.exchange.record.busy += monotonic() - started

    def resume(self) -> Reply | None:
        """Process the next step of the current message. See :meth:`respond`."""
        started = monotonic()
        try:
            return next(self._steps)
        finally:
            self.exchange.record.busy += monotonic() - started

    def _dispatch(self, message: bytes | bytearray) -> Reply | None:
        large = body_reader.read(message)
        if large is not None:
            if isinstance(message, bytearray):
                message.clear()  # free its memory for the translated body
            return self._body(*large)
        request = ProcessingRequest.FromString(bytes(message))
        match request.WhichOneof("request"):
            case "request_headers":
                headers = request.request_headers
                action = self.exchange.on_request_headers(
                    _read(headers), end_of_stream=headers.end_of_stream
                )
                return self._reply(Phase.REQUEST_HEADERS, action)
            case "response_headers":
                headers = request.response_headers
                action = self.exchange.on_response_headers(
                    _read_response(headers), end_of_stream=headers.end_of_stream
                )
                return self._reply(Phase.RESPONSE_HEADERS, action)
            case "request_body" | "response_body" as kind:
                body: HttpBody = getattr(request, kind)
                return self._body(kind == "request_body", body.body, body.end_of_stream)
            case "request_trailers":
                return self._reply(Phase.REQUEST_TRAILERS, self.exchange.on_request_trailers())
            case "response_trailers":
                if self.exchange.state is State.STREAMING:
                    self._bodies.note(Direction.FROM_SERVER, b"")
                return self._reply(Phase.RESPONSE_TRAILERS, self.exchange.on_response_trailers())
        msg = "a ProcessingRequest of an unknown kind"
        raise DecodeError(msg)

    def _body(self, of_request: bool, data: bytes, end_of_stream: bool) -> Reply | None:  # noqa: FBT001 -- private
        exchange = self.exchange
        if of_request:
            self._bodies.note(Direction.FROM_CLIENT, data)
            return self._reply(Phase.REQUEST_BODY, exchange.on_request_body(data))
        last = end_of_stream or exchange.state is not State.STREAMING
        self._bodies.note(Direction.FROM_SERVER, data, last=last)
        if len(data) > _STEP and exchange.state is State.STREAMING:
            self._steps = self._chunk(data, end_of_stream)
            return next(self._steps)
        action = exchange.on_response_body(data, end_of_stream=end_of_stream)
        return self._reply(Phase.RESPONSE_BODY, action, last=last)

    def _chunk(self, data: bytes, end_of_stream: bool) -> Iterator[Reply | None]:  # noqa: FBT001 -- private
        """Translate a large chunk in steps: Envoy sends all that it has as one chunk."""
        events = []
        starts = range(0, len(data), _STEP)
        for start in starts:
            last = start == starts[-1]
            action = self.exchange.on_response_body(
                data[start : start + _STEP], end_of_stream=end_of_stream and last
            )
            assert isinstance(action, Forward)  # noqa: S101 -- the exchange is streaming
            events.append(action.body or b"")
            if last:
                whole = Forward(body=b"".join(events), ends=action.ends)
                yield self._reply(Phase.RESPONSE_BODY, whole, last=end_of_stream)
            else:
                yield None

    def _reply(self, phase: Phase, action: Action, *, last: bool = True) -> Reply:
        """The reply, with the metadata that changed since the last one."""
        onward = phase <= Phase.REQUEST_BODY and isinstance(action, Forward)
        direction = Direction.TO_SERVER if onward else Direction.TO_CLIENT
        self._bodies.note(direction, action.body, last=last)
        known = metadata.of(self.exchange.record)
        if known == self._told:
            return replies.encode(phase, action)
        told, self._told = self._told, known
        return replies.encode(phase, action, metadata.encode(known, told))


# Both keep bytes that are not UTF-8, in case they are forwarded.


def _read(headers: HttpHeaders) -> dict[str, str]:
    return {
        name: header.raw_value.decode("utf-8", "surrogateescape") or header.value
        for header in headers.headers.headers
        if (name := header.key) in READ or is_credential(name)
    }


def _read_response(headers: HttpHeaders) -> dict[str, str]:
    return {
        name: (header.raw_value.decode("utf-8", "surrogateescape") or header.value)
        if name in READ
        else ""  # only its name is used, to remove it
        for header in headers.headers.headers
        if (name := header.key) not in UNREAD
    }
