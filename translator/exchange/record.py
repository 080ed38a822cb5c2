"""What one exchange came to, in plain facts: for logs, and whoever else wants to know."""

import msgspec

from translator.errors import TranslatorError
from translator.exchange.states import Phase
from translator.tasks.repair import Repair
from translator.tasks.usage import TokenCounts

_LONGEST = 512  # characters of a word of the server's: it is kept, and in caches too


class Record(msgspec.Struct):
    """The facts of one exchange. What is not known is empty, zero or None.

    Attributes:
        request_id: what the client's answer says in ``x-request-id``.
        operation: the OpenAI operation, as ``chat/completions``; ``unknown`` if what was asked for
            is not served, empty if the exchange was not ours.
        model: as the client named it.
        response_model: the one that answered, as the server or its provider names it.
        streamed: the client asked for events.
        status: what the client was answered with; 0 if it got no answer.
        upstream_status: what the model server, or Envoy in its place, answered with; 0 if nothing.
        error: OpenAI's code, or else type, of the error that the client was told of.
        error_phase: which message that error was the reply to.
        input_tokens: as the server or its provider counted them.
        output_tokens: likewise.
        request_bytes: the client's body, as it came.
        answer_bytes: the bodies that the client was sent.
        busy: seconds that this process spent on the exchange.
        forwarded_after: seconds from the request's headers until it was on its way to the model.
        answered_after: seconds from the request's headers to the answer's first part.
        first_event_after: seconds from the request's headers to a stream's first event.
        ended_after: seconds from the request's headers to the end, an abandoned stream's too.
        complete: the client was given all of its answer.
        repairs: what was repaired of what the model server said, by kind.
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
    answer_bytes: int = 0
    busy: float = 0.0
    forwarded_after: float | None = None
    answered_after: float | None = None
    first_event_after: float | None = None
    ended_after: float | None = None
    complete: bool = False
    repairs: frozenset[Repair] = frozenset()

    def counted(self, tokens: TokenCounts, model: str) -> None:
        """Note what an answer tells of itself: its tokens, and the model that gave it."""
        self.input_tokens, self.output_tokens = tokens
        self.response_model = model[:_LONGEST]

    def failed(self, phase: Phase, error: TranslatorError) -> None:
        """Note the error that the client is told of, and which message that answers."""
        self.operation = self.operation or "unknown"
        self.error = (error.code or error.type)[:_LONGEST]
        self.error_phase = phase.name.lower()
