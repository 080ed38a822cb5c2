"""The facts of one exchange, for log, metrics, spans and Envoy's metadata."""

import msgspec

from translator.errors import TranslatorError
from translator.exchange.states import Phase
from translator.tasks.usage import TokenCounts

_LONGEST = 512  # characters of a value from the server, because values are kept in caches too


class Record(msgspec.Struct):
    """The facts of one exchange. Unknown ones are empty, zero or None.

    Attributes:
        request_id: ``x-request-id`` of the response.
        operation: the OpenAI operation, such as ``chat/completions``; ``unknown`` if it is not
            served, empty if the path is not OpenAI's.
        model: the model's name in the client's request.
        response_model: the model's name in the response of the server or its provider.
        streamed: whether the client requested a stream.
        status: the status of the response to the client; 0 if there was none.
        upstream_status: the status of the model server's or Envoy's response; 0 if there was none.
        error: OpenAI's code, or else type, of the error sent to the client.
        error_phase: the phase in which that error occurred.
        input_tokens: the count of the server or its provider.
        output_tokens: likewise.
        request_bytes: the size of the client's body, as received.
        response_bytes: the size of the body sent to the client.
        busy: seconds that this process spent on the exchange.
        forwarded_after: seconds from the request headers until the request was sent upstream.
        responded_after: seconds from the request headers to the start of the response.
        first_event_after: seconds from the request headers to a stream's first event.
        ended_after: seconds from the request headers to the end, also of an abandoned stream.
        complete: whether the whole response was sent to the client.
        repairs: the kinds of repairs to the upstream response.
        dropped: the fields of messages and content parts that were not sent to the model.
    """

    request_id: str = ""
    operation: str = ""
    model: str = ""
    response_model: str = ""
    streamed: bool = False
    status: int = 0
    upstream_status: int = 0
    error: str = ""
    error_phase: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    busy: float = 0.0
    forwarded_after: float | None = None
    responded_after: float | None = None
    first_event_after: float | None = None
    ended_after: float | None = None
    complete: bool = False
    repairs: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def counted(self, tokens: TokenCounts, model: str) -> None:
        """Record the token counts and the model of a response."""
        self.input_tokens, self.output_tokens = tokens
        self.response_model = model[:_LONGEST]

    def failed(self, phase: Phase, error: TranslatorError) -> None:
        """Record the error sent to the client, and its phase."""
        self.operation = self.operation or "unknown"
        self.error = (error.code or error.type)[:_LONGEST]
        self.error_phase = phase.name.lower()
