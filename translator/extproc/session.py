"""One gRPC stream of Envoy's, which is one HTTP exchange: bytes in, bytes out."""

from collections.abc import Callable

from translator.exchange.exchange import Exchange
from translator.exchange.headers import READ
from translator.exchange.record import Record
from translator.exchange.settings import DEFAULTS, ExchangeSettings
from translator.exchange.states import Phase
from translator.extproc import replies
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
    """

    __slots__ = ("_on_end", "exchange")

    def __init__(
        self,
        settings: ExchangeSettings = DEFAULTS,
        on_end: Callable[[Record], None] = _ignore,
        *,
        overloaded: bool = False,
    ) -> None:
        self.exchange = Exchange(settings, overloaded=overloaded)
        self._on_end = on_end

    def close(self) -> None:
        """The stream has ended, one way or another."""
        record = self.exchange.record
        record.ended_after = self.exchange.elapsed
        self._on_end(record)

    def handle(self, message: bytes) -> bytes:
        """Answer a serialised ProcessingRequest with a serialised ProcessingResponse.

        Raises:
            google.protobuf.message.DecodeError: ``message`` is not a ProcessingRequest.
            ValueError: it is one of a kind that the API did not have when this was written.
        """
        request = ProcessingRequest.FromString(message)
        exchange = self.exchange
        match request.WhichOneof("request"):
            case "request_headers":
                headers = request.request_headers
                action = exchange.on_request_headers(
                    _read(headers), end_of_stream=headers.end_of_stream
                )
                return replies.encode(Phase.REQUEST_HEADERS, action)
            case "request_body":
                action = exchange.on_request_body(request.request_body.body)
                return replies.encode(Phase.REQUEST_BODY, action)
            case "response_headers":
                headers = request.response_headers
                action = exchange.on_response_headers(
                    _read(headers), end_of_stream=headers.end_of_stream
                )
                return replies.encode(Phase.RESPONSE_HEADERS, action)
            case "response_body":
                body = request.response_body
                action = exchange.on_response_body(body.body, end_of_stream=body.end_of_stream)
                return replies.encode(Phase.RESPONSE_BODY, action)
            case "request_trailers":
                return replies.encode(Phase.REQUEST_TRAILERS, exchange.on_request_trailers())
            case "response_trailers":
                return replies.RESPONSE_TRAILERS
            case _:
                msg = "a ProcessingRequest of an unknown kind"
                raise ValueError(msg)


def _read(headers: HttpHeaders) -> dict[str, str]:
    # Bytes that are not UTF-8 are kept as they are, should they be sent on.
    return {
        name: header.raw_value.decode("utf-8", "surrogateescape") or header.value
        for header in headers.headers.headers
        if (name := header.key) in READ
    }
