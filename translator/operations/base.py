"""The types of an operation: it reads a request as a task, and translates the response."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

import msgspec

from translator import sse
from translator.errors import ClientError, TranslatorError, model_not_found, unreadable
from translator.openai.errors import error_body
from translator.openai.request import decode_field
from translator.operations.wording import Wording
from translator.raw_json import Object, is_null
from translator.tasks.model import Target, UpstreamRequest
from translator.tasks.repair import Repair
from translator.tasks.usage import UNKNOWN, TokenCounts

# The name is sent in a header, which cannot have control characters, and as UTF-8, which cannot
# have surrogates (bytes that were not UTF-8). Spaces around a header are removed on the way, so the
# request would reach another model than the one whose settings apply.
_IMPOSSIBLE_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]|^ | $")
# A name with slashes is sent as one encoded segment, but a server that decodes it sees several:
# these would reach another model, or a version that the URL did not name.
_STEPS = re.compile(r"(^|[/\\])\.{1,2}($|[/\\])|[/\\]versions[/\\]")
_LONGEST_NAME = 512
_SHOWN = 64  # characters of a name in an error


class Dialect(NamedTuple):
    """What all operations of an API share.

    Attributes:
        error_body: encodes an error as JSON.
        error_event: encodes an error as an event of a stream.
        end_of_stream: the event that ends every stream; b"" if there is none.
        headers: the headers of every response, given the request id and the seconds since the
            request headers.
    """

    error_body: Callable[[TranslatorError], bytes]
    error_event: Callable[[TranslatorError], bytes]
    end_of_stream: bytes
    headers: Callable[[str, float], tuple[tuple[str, str], ...]] = lambda _id, _seconds: ()


def _error_event(error: TranslatorError) -> bytes:
    return sse.encode(error_body(error))  # OpenAI's SDKs raise for any data with an ``error``


def _headers(request_id: str, seconds: float) -> tuple[tuple[str, str], ...]:
    return (
        ("x-request-id", request_id),
        ("openai-version", "2020-10-01"),
        ("openai-processing-ms", str(int(seconds * 1000))),
    )


OPENAI = Dialect(error_body, _error_event, sse.encode(b"[DONE]"), _headers)
_NO_WORDING = Wording("")


class Response(NamedTuple):
    """A whole response for the client, with facts for telemetry.

    Attributes:
        body: JSON, or a whole stream of events.
        tokens: the token counts.
        model: the model's name in the response of the model server or its provider, or "".
        repairs: the kinds of repairs that were made.
    """

    body: bytes
    tokens: TokenCounts = UNKNOWN
    model: str = ""
    repairs: frozenset[Repair] = frozenset()


class LocalResponse(NamedTuple):
    """A response that needs no request to the model server.

    Attributes:
        body: JSON.
        status: the HTTP status.
    """

    body: bytes
    status: int = 200


class Stream(Protocol):
    """Translates one streamed response. Any split of the input gives the same output."""

    @property
    def error(self) -> TranslatorError | None:
        """The error that ended the stream, or None."""

    @property
    def tokens(self) -> TokenCounts:
        """The token counts so far."""

    @property
    def model(self) -> str:
        """The model's name, as in :class:`Response`; "" until it is known."""

    @property
    def repairs(self) -> frozenset[Repair]:
        """The kinds of repairs so far."""

    def feed(self, chunk: bytes) -> bytes:
        """Translate the next bytes from upstream; returns the events that they complete."""

    def finish(self) -> bytes:
        """Translate the end of the upstream body; returns the events that end the stream."""

    def fail(self, error: TranslatorError) -> bytes:
        """End the stream with an error; returns the last events."""


class Inference(msgspec.Struct, frozen=True):
    """A request to a model server, and the translation of its response.

    Attributes:
        model: the name in the client's request.
        request: the request to the model server.
        complete: translates a whole response: one JSON document, or all documents of a stream.
            Raises UpstreamError for a response that cannot be translated.
        stream: begins the translation of a stream, given the maximum size of an event in bytes.
            None if the request is not streamed.
        as_events: whether the client requested a stream, so that ``complete`` returns all its
            events.
        wording: completes errors of the model server with facts of the request.
        dropped: the fields of messages and content parts that are not sent, as ``message.<name>``
            or ``part.<name>``, from a small fixed set of names.
    """

    model: str
    request: UpstreamRequest
    complete: Callable[[Sequence[bytes]], Response]
    stream: Callable[[int], Stream] | None = None
    as_events: bool = False
    wording: Wording = _NO_WORDING
    dropped: Collection[str] = ()


class Operation(msgspec.Struct, frozen=True):
    """One operation of a client's API.

    Attributes:
        name: the end of its path, such as ``chat/completions``.
        telemetry: ``gen_ai.operation.name`` of OpenTelemetry's semantic conventions.
        accept: translates a request, given its body (b"" if it has none) and the models. Raises
            ClientError for an invalid request.
        example: the smallest valid body, without the model.
        methods: the HTTP methods.
        media_types: the accepted media types; types that end in ``+json`` count as JSON.
        dialect: the forms of errors and of the end of a stream.
    """

    name: str
    telemetry: str
    accept: Callable[[bytes, Target], Inference | LocalResponse]
    example: bytes = b"{}"
    methods: tuple[str, ...] = ("POST",)
    media_types: tuple[str, ...] = ("application/json",)
    dialect: Dialect = OPENAI


def take_model(fields: Object, target: Target, *, required: bool = True) -> str:
    """Remove ``model`` from the body, compare it with the URL's, and return the name.

    Args:
        fields: the body; its field ``model`` is removed.
        target: the models in the URL and in the settings.
        required: whether the body must name the model even if the URL does.

    Raises:
        ClientError: 400 if it is missing, differs from the URL's or has segments that change the
            path; 404 if the name is impossible.
    """
    given = fields.pop("model", None)
    in_url = target.model_in_url
    model: str | None
    if target.url_decides:
        model = in_url
    elif given is not None and not is_null(given):
        model = decode_field(given, str, "model")
    elif in_url is None:
        model = target.default_model
    else:
        model = None if required else in_url
    if not model:
        raise _no_model()
    if in_url is not None and model != in_url:
        raise ClientError(
            f"The model in the request body, '{model[:_SHOWN]}', is not the model of this URL, "
            f"'{in_url[:_SHOWN]}'.",
            param="model",
            code="model_mismatch",
        )
    if _IMPOSSIBLE_NAME.search(model) or len(model) > _LONGEST_NAME:
        raise model_not_found(model[:_SHOWN])
    if _STEPS.search(model):
        raise ClientError(
            f"The model name '{model[:_SHOWN]}' has path segments that a name cannot have: "
            "'.', '..' or 'versions'.",
            param="model",
            code="invalid_value",
        )
    return model


def only(responses: Sequence[bytes]) -> bytes:
    """The response, for operations that need exactly one.

    Raises:
        UpstreamError: 502, there are several, or none.
    """
    if len(responses) != 1:
        raise unreadable()
    return responses[0]


def _no_model() -> ClientError:
    # OpenAI's error for this field, unlike for others, has neither param nor code.
    return ClientError("you must provide a model parameter")
