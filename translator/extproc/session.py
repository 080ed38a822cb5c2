"""One gRPC stream of Envoy's, which is one HTTP exchange: bytes in, bytes out."""

from collections.abc import Callable
from time import monotonic

from translator.exchange.actions import Action, Forward
from translator.exchange.body_log import BodyLog, Way
from translator.exchange.exchange import Exchange
from translator.exchange.headers import READ
from translator.exchange.record import Record
from translator.exchange.settings import DEFAULTS, ExchangeSettings
from translator.exchange.span import Tracer
from translator.exchange.states import Phase, State
from translator.extproc import metadata, replies
from translator.extproc._proto.external_processor_pb2 import HttpHeaders, ProcessingRequest


def _ignore(_record: Record) -> None:
    pass


class Session:
    """Answers the messages of one stream, each with exactly one reply, in order.

    A transport is a loop around :meth:`handle`. It never awaits and does no I/O.

    Args:
        settings: how the exchange is handled.
        on_end: told once what the exchange came to, whoever ended it.
        overloaded: there are too many already, so that this one is refused.
        tracer: begins the span of an exchange; None for no tracing.
    """

    __slots__ = ("_bodies", "_on_end", "_told", "exchange")

    def __init__(
        self,
        settings: ExchangeSettings = DEFAULTS,
        on_end: Callable[[Record], None] = _ignore,
        *,
        overloaded: bool = False,
        tracer: Tracer | None = None,
    ) -> None:
        self.exchange = Exchange(settings, overloaded=overloaded, tracer=tracer)
        self._on_end = on_end
        self._told = metadata.NOTHING
        self._bodies = BodyLog(self.exchange.record)

    def close(self) -> None:
        """The stream has ended, one way or another."""
        record = self.exchange.record
        record.ended_after = self.exchange.elapsed
        self._on_end(record)
        if self.exchange.span is not None:
            self.exchange.span.end(record)

    def handle(self, message: bytes) -> bytes:
        """Answer a serialised ProcessingRequest with a serialised ProcessingResponse.

        Raises:
            google.protobuf.message.DecodeError: ``message`` is not a ProcessingRequest.
            ValueError: it is one of a kind that the API did not have when this was written.
        """
        started = monotonic()
        try:
            return self._answer(message)
        finally:
            self.exchange.record.busy += monotonic() - started

    def _answer(self, message: bytes) -> bytes:
        request = ProcessingRequest.FromString(message)
        exchange = self.exchange
        match request.WhichOneof("request"):
            case "request_headers":
                headers = request.request_headers
                action = exchange.on_request_headers(
                    _read(headers), end_of_stream=headers.end_of_stream
                )
                return self._reply(Phase.REQUEST_HEADERS, action)
            case "request_body":
                self._bodies.note(Way.FROM_CLIENT, request.request_body.body)
                action = exchange.on_request_body(request.request_body.body)
                return self._reply(Phase.REQUEST_BODY, action)
            case "response_headers":
                headers = request.response_headers
                action = exchange.on_response_headers(
                    _read(headers), end_of_stream=headers.end_of_stream
                )
                return self._reply(Phase.RESPONSE_HEADERS, action)
            case "response_body":
                body = request.response_body
                last = body.end_of_stream or exchange.state is not State.STREAMING
                self._bodies.note(Way.FROM_SERVER, body.body, last=last)
                action = exchange.on_response_body(body.body, end_of_stream=body.end_of_stream)
                return self._reply(Phase.RESPONSE_BODY, action, last=last)
            case "request_trailers":
                return self._reply(Phase.REQUEST_TRAILERS, exchange.on_request_trailers())
            case "response_trailers":
                return replies.RESPONSE_TRAILERS
            case _:
                msg = "a ProcessingRequest of an unknown kind"
                raise ValueError(msg)

    def _reply(self, phase: Phase, action: Action, *, last: bool = True) -> bytes:
        """The reply, with what has become known of the exchange since the last one."""
        onward = phase is Phase.REQUEST_BODY and isinstance(action, Forward)
        self._bodies.note(Way.TO_SERVER if onward else Way.TO_CLIENT, action.body, last=last)
        known = metadata.of(self.exchange.record)
        if known == self._told:
            return replies.encode(phase, action)
        told, self._told = self._told, known
        return replies.encode(phase, action, metadata.encode(known, told))


def _read(headers: HttpHeaders) -> dict[str, str]:
    # Bytes that are not UTF-8 are kept as they are, should they be sent on.
    return {
        name: header.raw_value.decode("utf-8", "surrogateescape") or header.value
        for header in headers.headers.headers
        if (name := header.key) in READ
    }
