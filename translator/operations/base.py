"""What an operation is: a request read as a task, and how the response to it is told the client."""

import re
from collections.abc import Callable, Sequence
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

# Control characters cannot stand in the header that carries the name, nor surrogates (bytes that
# were not UTF-8) anywhere. Spaces around it are cut off on the way, so that another model than the
# one whose settings and limits were looked up would answer. "." and ".." would be read as path
# steps, and a name longer than this one is no name.
_IMPOSSIBLE_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]|^ | $|^\.{1,2}$")
_LONGEST_NAME = 512
_SHOWN = 64  # characters of a name that an error repeats


class Dialect(NamedTuple):
    """How an API tells of what every operation has.

    Attributes:
        error_body: an error as JSON.
        error_event: the same as an event of a stream.
        end_of_stream: the event that ends every stream; b"" where there is none.
        headers: those of every response, given the request id and the seconds since the request's
            headers.
    """

    error_body: Callable[[TranslatorError], bytes]
    error_event: Callable[[TranslatorError], bytes]
    end_of_stream: bytes
    headers: Callable[[str, float], tuple[tuple[str, str], ...]] = lambda _id, _seconds: ()


def _error_event(error: TranslatorError) -> bytes:
    return sse.encode(error_body(error))  # OpenAI's SDKs raise on any data that has an ``error``


def _headers(request_id: str, seconds: float) -> tuple[tuple[str, str], ...]:
    return (
        ("x-request-id", request_id),
        ("openai-version", "2020-10-01"),  # of the API whose responses these are
        ("openai-processing-ms", str(int(seconds * 1000))),
    )


OPENAI = Dialect(error_body, _error_event, sse.encode(b"[DONE]"), _headers)
_NO_WORDING = Wording("")


class Response(NamedTuple):
    """A whole response for the client, and what the model server told of it.

    Attributes:
        body: JSON, or a whole stream of events.
        tokens: how many there were.
        model: the one that answered, as the server or its provider calls it; "" if it does not say.
        repairs: what was repaired, by kind.
    """

    body: bytes
    tokens: TokenCounts = UNKNOWN
    model: str = ""
    repairs: frozenset[Repair] = frozenset()


class LocalResponse(NamedTuple):
    """A response that is made here; the model server is asked nothing.

    Attributes:
        body: JSON.
        status: of HTTP.
    """

    body: bytes
    status: int = 200


class Stream(Protocol):
    """Translates one streamed response. Any split of the input gives the same output."""

    @property
    def error(self) -> TranslatorError | None:
        """The error that ended the stream, if one did."""

    @property
    def tokens(self) -> TokenCounts:
        """What has been counted so far."""

    @property
    def model(self) -> str:
        """The model that answers, as in :class:`Response`, once it is known."""

    @property
    def repairs(self) -> frozenset[Repair]:
        """What has been repaired so far, by kind."""

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes from upstream; give the client's events that they complete."""

    def finish(self) -> bytes:
        """Upstream has ended: give the events that end the client's stream."""

    def fail(self, error: TranslatorError) -> bytes:
        """Give the events that end the stream with an error; nothing comes after them."""


class Inference(msgspec.Struct, frozen=True):
    """A request that a model server is asked, and what its response depends on.

    Attributes:
        model: as the client named it.
        request: what to send.
        complete: translates the responses that make up the whole answer, mostly one. Raises
            UpstreamError for what the client cannot be answered with.
        stream: begins to translate events as they come, given the most bytes that one may have.
            There where the request is streamed.
        as_events: the client wants events, so that ``complete`` gives a whole stream.
        wording: completes the errors of the model server.
    """

    model: str
    request: UpstreamRequest
    complete: Callable[[Sequence[bytes]], Response]
    stream: Callable[[int], Stream] | None = None
    as_events: bool = False
    wording: Wording = _NO_WORDING


class Operation(msgspec.Struct, frozen=True):
    """One operation of a client's API.

    Attributes:
        name: the end of its path, as ``chat/completions``.
        telemetry: ``gen_ai.operation.name`` of OpenTelemetry's semantic conventions.
        accept: reads a request, given its body (b"" where there is none) and the models that can be
            asked. Raises ClientError for a request that is at fault.
        example: the smallest body that is accepted, but for the model.
        methods: of HTTP.
        media_types: of the bodies that it takes; one on top of JSON (``+json``) counts as JSON.
        dialect: how its API tells of errors and ends a stream.
    """

    name: str
    telemetry: str
    accept: Callable[[bytes, Target], Inference | LocalResponse]
    example: bytes = b"{}"
    methods: tuple[str, ...] = ("POST",)
    media_types: tuple[str, ...] = ("application/json",)
    dialect: Dialect = OPENAI


def take_model(fields: Object, target: Target, *, required: bool = True) -> str:
    """Remove ``model`` from the body, check it against the URL's, and give the name.

    Args:
        fields: the body, which loses its ``model``.
        target: what the request line and the settings say of the model.
        required: whether the body must name it even when the URL does.

    Raises:
        ClientError: 400 when it is missing or is not the URL's; 404 when no model can have it.
    """
    given = fields.pop("model", None)
    in_url = target.model_in_url
    model: str | None
    if given is not None and not is_null(given):
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
    return model


def only(responses: Sequence[bytes]) -> bytes:
    """The one response of an operation that has no use for several.

    Raises:
        UpstreamError: 502, there are several, or none.
    """
    if len(responses) != 1:
        raise unreadable()
    return responses[0]


def _no_model() -> ClientError:
    # OpenAI names neither param nor code here, unlike for any other field.
    return ClientError("you must provide a model parameter")
