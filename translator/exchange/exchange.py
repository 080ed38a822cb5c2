"""One HTTP exchange: takes each of its messages in turn, and returns the reply to it.

Synchronous, without I/O. Errors are raised anywhere below; only here they become replies.
docs/architecture.md describes what Envoy does with a reply in each phase.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from functools import wraps
from time import monotonic
from typing import Concatenate, ParamSpec

from msgspec.structs import replace

from translator import ids, provider_errors
from translator.contracts.models import Target
from translator.errors import (
    ClientError,
    InternalError,
    OverloadedError,
    TranslatorError,
    UpstreamError,
)
from translator.exchange import request_headers, response_headers, routes
from translator.exchange.actions import UNCHANGED, Action, Forward, Headers, Mode, Respond
from translator.exchange.admission import admit, decode
from translator.exchange.content_encoding import Decoder, TooLargeError, UndecodableError
from translator.exchange.headers import (
    CREDENTIALS,
    STRIPPED_FROM_REQUEST,
    stripped,
    unlisted,
    unusual_credentials,
)
from translator.exchange.record import Record
from translator.exchange.settings import DEFAULTS, ExchangeSettings
from translator.exchange.span import Span, Tracer
from translator.exchange.states import TRANSITIONS, Phase, State
from translator.exchange.streamed_response import StreamedResponse
from translator.exchange.upstream_response import NO_RESPONSE, UpstreamResponse
from translator.openai.request import too_deep
from translator.operations.base import OPENAI, Dialect, Inference, LocalResponse, Stream
from translator.operations.events import split

logger = logging.getLogger(__name__)


P = ParamSpec("P")
Step = Callable[Concatenate["Exchange", P], Action]


def _phase(phase: Phase) -> Callable[[Step[P]], Step[P]]:
    """Guard a step: it runs only in a state that allows its phase; its errors become replies."""

    def guard(step: Step[P]) -> Step[P]:
        @wraps(step)
        def run(self: "Exchange", /, *args: P.args, **kwargs: P.kwargs) -> Action:
            if (self.state, phase) not in TRANSITIONS:
                return UNCHANGED
            try:
                return step(self, *args, **kwargs)
            except TranslatorError as error:
                return self._fail(phase, error)
            except Exception:
                logger.exception("%s failed", phase.name.lower())
                return self._fail(phase, InternalError())

        return run

    return guard


class Exchange:
    """The state machine of one HTTP exchange.

    A message that does not fit the state of the exchange is left unchanged.

    Args:
        settings: the settings of the exchange.
        overloaded: refuse the exchange at its headers, because there are too many.
        begin: called when the whole request has arrived; if it returns False, the exchange is
            refused, because there are too many by now.
        tracer: starts the span of an exchange on an OpenAI path; None for no tracing.
    """

    def __init__(
        self,
        settings: ExchangeSettings = DEFAULTS,
        *,
        overloaded: bool = False,
        begin: Callable[[], bool] = lambda: True,
        tracer: Tracer | None = None,
    ) -> None:
        self.state = State.IDLE
        self._tracer = tracer
        self.span: Span | None = None
        self._overloaded = overloaded
        self._begin = begin
        self._settings = settings
        self._started = monotonic()
        self.route: routes.Route | None = None
        self.inference: Inference | None = None
        self._decoder: Decoder | None = None  # of the request body
        self._streamed: StreamedResponse | None = None
        self._request: Mapping[str, str] = {}
        self._upstream = NO_RESPONSE
        self._request_id = ""
        self.record = Record()

    @property
    def elapsed(self) -> float:
        """Seconds since the exchange began."""
        return monotonic() - self._started

    @_phase(Phase.REQUEST_HEADERS)
    def on_request_headers(self, headers: Mapping[str, str], *, end_of_stream: bool) -> Action:
        """Find the operation; refuse what can be refused before the body arrives.

        Args:
            headers: the headers; only those in :data:`~translator.exchange.headers.READ` and the
                names of credentials are used.
            end_of_stream: whether no body follows.
        """
        self._request = headers
        self._request_id = headers.get("x-request-id") or ids.request_id()
        self.record.request_id = self._request_id
        settings = self._settings
        unusual = unusual_credentials(headers, settings.kept_headers)
        method, path = headers.get(":method", ""), headers.get(":path", "")
        try:
            self.route = routes.find(method, path, settings.base_paths)
        except routes.MethodError as error:
            self.route = routes.Route(error.operation)  # the error has the form of its API
            raise
        if self.route is None:
            self._to(State.BYPASSED, Phase.REQUEST_HEADERS)
            removed = stripped(CREDENTIALS, settings.kept_headers) + unusual
            return Forward(remove_headers=removed, mode=Mode.BYPASS)
        self.record.operation = self.route.operation.name
        if self._tracer is not None:
            self.span = self._tracer(headers)
        if self._overloaded:
            raise OverloadedError
        self._decoder = admit(
            headers, settings.limits.request_body, self.route.operation.media_types
        )
        self._to(State.HELD, Phase.REQUEST_HEADERS)
        removed = stripped(STRIPPED_FROM_REQUEST, settings.kept_headers) + unusual
        if not end_of_stream:
            return Forward(remove_headers=removed)
        action = self.on_request_body(b"")
        return replace(action, remove_headers=removed) if isinstance(action, Forward) else action

    @_phase(Phase.REQUEST_BODY)
    def on_request_body(self, body: bytes) -> Action:
        """Translate the whole request body, and forward it to its model."""
        assert self.route is not None  # noqa: S101 -- HELD implies it
        assert self._decoder is not None  # noqa: S101 -- and this
        self.record.request_bytes = len(body)
        if not self._begin():
            raise OverloadedError
        body = decode(body, self._decoder, self._settings.limits.request_body)
        accepted = self._accept(body, self.route)
        if isinstance(accepted, LocalResponse):
            return self._respond(accepted)
        self.inference = inference = accepted
        self.record.model = inference.model
        self.record.streamed = inference.as_events
        if inference.dropped:
            self._drop(inference.dropped)
        tracing = self.span.headers if self.span else ()
        request = inference.request
        action = Forward(
            set_headers=request_headers.of_request(
                request, self._request, self._request_id, tracing
            ),
            body=request.body,
            reroute=True,
        )
        self._to(State.SENT, Phase.REQUEST_BODY)
        self.record.forwarded_after = self.elapsed
        return action

    def _accept(self, body: bytes, route: routes.Route) -> Inference | LocalResponse:
        target = Target(
            self._settings.models,
            route.model,
            route.version,
            route.is_pipeline,
            self._settings.default_model.get(route.operation.name),
            route.url_decides,
        )
        try:
            return route.operation.accept(body, target)
        except RecursionError as error:
            raise too_deep() from error

    def _respond(self, made: LocalResponse) -> Respond:
        """Respond without the model server."""
        self._to(State.DONE, Phase.REQUEST_BODY)
        self._responded(made.status, made.body)
        headers = response_headers.of_whole(made.body, self._common_headers, events=False)
        return Respond(made.status, headers, made.body)

    @_phase(Phase.REQUEST_TRAILERS)
    def on_request_trailers(self) -> Action:
        """Handle trailers of a request without a body. Others are not changed."""
        assert self.route is not None  # noqa: S101 -- HELD implies it
        accepted = self._accept(b"", self.route)
        if isinstance(accepted, LocalResponse):
            return self._respond(accepted)
        # A request with trailers cannot be given a body, so it cannot be translated.
        raise ClientError("A request without a body cannot have trailers.")

    @_phase(Phase.RESPONSE_HEADERS)
    def on_response_headers(self, headers: Mapping[str, str], *, end_of_stream: bool) -> Action:
        """Choose between a stream and a whole body; respond now if there is no body.

        Args:
            headers: the headers, of which those in :data:`~translator.exchange.headers.UNREAD` may
                be absent.
            end_of_stream: whether no body follows.
        """
        self._upstream = upstream = UpstreamResponse(headers)
        self.record.upstream_status = upstream.status
        begin = self.inference.stream if self.inference else None
        if begin and upstream.succeeded and upstream.is_events and not end_of_stream:
            return self._start_stream(begin)
        if end_of_stream:
            raise upstream.error(b"", self._model)
        self._to(State.RESPONDING, Phase.RESPONSE_HEADERS)
        return UNCHANGED

    def on_response_body(self, body: bytes, *, end_of_stream: bool) -> Action:
        """Translate the whole response, or the next chunk of a stream.

        Args:
            body: bytes as upstream sent them.
            end_of_stream: a stream ends here. It is ignored for a whole response: Envoy sends
                false when trailers follow.
        """
        if self.state is State.STREAMING:
            return self._response_chunk(body, end_of_stream)
        return self._whole_response(body)

    def _start_stream(self, begin: Callable[[int], Stream]) -> Action:
        try:
            decoder = self._upstream.decoder(self._settings.limits.response_body)
        except UndecodableError as error:
            message = "The model server's response cannot be decoded."
            raise UpstreamError(message, repeats=True) from error
        mode = Mode.DUPLEX if self._upstream.may_have_trailers else Mode.STREAM
        self._streamed = StreamedResponse(begin(self._settings.limits.event), decoder, mode)
        self._to(State.STREAMING, Phase.RESPONSE_HEADERS)
        self._responded(200)
        return Forward(
            set_headers=(*self._status, *response_headers.of_stream(self._common_headers)),
            # Envoy checked content-length before it knew that the body would be streamed.
            remove_headers=(*self._stripped_from_response, "content-length"),
            mode=mode,
        )

    @_phase(Phase.RESPONSE_BODY)
    def _response_chunk(self, chunk: bytes, end_of_stream: bool) -> Forward:  # noqa: FBT001 -- private
        assert self._streamed is not None  # noqa: S101 -- STREAMING implies it
        if end_of_stream:
            self._to(State.DONE, Phase.RESPONSE_BODY)
            self.record.complete = True
        action, error = self._streamed.translate(chunk, self.record, last=end_of_stream)
        if end_of_stream:
            self._log_repairs()
        if error is not None:
            self._note(Phase.RESPONSE_BODY, error)
        if action.body and self.record.first_event_after is None:
            self.record.first_event_after = self.elapsed
        return action

    @_phase(Phase.RESPONSE_TRAILERS)
    def on_response_trailers(self) -> Action:
        """End a stream that ends with trailers: add the last of its body, before them."""
        assert self._streamed is not None  # noqa: S101 -- STREAMING implies it
        if self._streamed.mode is not Mode.DUPLEX:
            self._to(State.DONE, Phase.RESPONSE_TRAILERS)
            return UNCHANGED
        if not self._streamed.begun:  # Envoy accepts a body only after it has sent some of it
            message = "The model server sent trailers instead of a response."
            raise UpstreamError(message, repeats=True)
        action = self._response_chunk(b"", end_of_stream=True)
        assert isinstance(action, Forward)  # noqa: S101 -- the headers have been sent
        return replace(action, ends=False) if action.body else UNCHANGED

    @_phase(Phase.RESPONSE_BODY)
    def _whole_response(self, body: bytes) -> Action:
        try:
            body = self._upstream.decoder(self._settings.limits.response_body).whole(body)
        except (TooLargeError, UndecodableError) as error:
            if self._upstream.succeeded:
                message = "The model server's response is too large or cannot be decoded."
                raise UpstreamError(message, repeats=True) from error
            body = b""  # the status is enough
        if not self._upstream.succeeded or self.inference is None:
            raise self._upstream.error(body, self._model)
        events = self.inference.as_events
        whole = self._upstream.is_events
        response = self.inference.complete(
            split(body, self.inference.request.end_of_stream) if whole else [body]
        )
        self._to(State.DONE, Phase.RESPONSE_BODY)
        self.record.counted(response.tokens, response.model)
        self.record.repairs = tuple(sorted(response.repairs))
        self._log_repairs()
        self._responded(200, response.body)
        headers = response_headers.of_whole(response.body, self._common_headers, events=events)
        return Forward(
            set_headers=(*self._status, *headers),
            remove_headers=self._stripped_from_response,
            body=response.body,
        )

    def _drop(self, fields: Collection[str]) -> None:
        self.record.dropped = names = tuple(sorted(fields))
        logger.debug("%s: dropped %s for %s", self._request_id, ", ".join(names), self._model)

    def _log_repairs(self) -> None:
        if self.record.repairs:
            kinds = ", ".join(self.record.repairs)
            logger.debug("%s: repaired %s of %s", self._request_id, kinds, self._model)

    @property
    def _status(self) -> Headers:
        """The status of a translated response, if it is not upstream's: 206 is about its body."""
        return () if self._upstream.status == 200 else ((":status", "200"),)  # noqa: PLR2004 -- an HTTP status

    @property
    def _stripped_from_response(self) -> tuple[str, ...]:
        return unlisted(tuple(self._upstream.headers), self._settings.passed_headers)

    @property
    def _model(self) -> str | None:
        return self.inference.model if self.inference else None

    @property
    def _dialect(self) -> Dialect:
        return self.route.operation.dialect if self.route else OPENAI

    @property
    def _common_headers(self) -> Headers:
        return self._dialect.headers(self._request_id, self.elapsed)

    def _fail(self, phase: Phase, error: TranslatorError) -> Action:
        """Send an error to the client, in the form that the phase allows."""
        where = phase.name.lower()
        if self.inference is not None:
            self.inference.wording.apply(error)
        logger.debug("%s: %d %s in %s", self._request_id, error.status, error.type, where)
        self._note(phase, error)
        if phase is Phase.RESPONSE_BODY and self._streamed is not None:
            # The headers have been sent.
            self._streamed.stop()
            last = self._dialect.error_event(error) + self._dialect.end_of_stream
            return self._streamed.chunk(last, last=self.state is State.DONE)
        self._to(State.DONE, phase)
        body = self._dialect.error_body(error)
        self._responded(error.status, body)
        headers = response_headers.of_error(error, body, self._common_headers)
        if phase <= Phase.REQUEST_TRAILERS or phase is Phase.RESPONSE_TRAILERS:
            # In place of the trailers of a stream, Envoy resets it if its headers have been sent.
            return Respond(error.status, headers, body)
        return Forward(
            set_headers=((":status", str(error.status)), *headers),
            remove_headers=self._stripped_from_response,
            body=body,
        )

    def _note(self, phase: Phase, error: TranslatorError) -> None:
        self.record.failed(phase, error)
        if error.code == provider_errors.AUTHENTICATION:
            logger.warning(
                "%s: the provider of the model %r refuses the credentials that it is given",
                self._request_id,
                self._model,
            )

    def _responded(self, status: int, body: bytes | None = None) -> None:
        """Record that the response was sent: all of it or, without a body, its beginning."""
        self.record.status = status
        self.record.responded_after = self.elapsed
        if body is not None:
            self.record.response_bytes, self.record.complete = len(body), True

    def _to(self, state: State, phase: Phase) -> None:
        assert state in TRANSITIONS[self.state, phase], (self.state, phase, state)  # noqa: S101 -- the table has all transitions
        self.state = state
