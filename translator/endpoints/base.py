"""What an endpoint is: a request translated one way, and what to remember for the way back."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from translator.endpoints.model_settings import Models
from translator.endpoints.token_counts import UNKNOWN, TokenCounts
from translator.errors import ClientError, TranslatorError
from translator.openai.request import Fields, decode_field, is_null

# Control characters cannot stand in the header that carries the name, nor surrogates (bytes that
# were not UTF-8) anywhere. Spaces around it are cut off on the way, so that another model than the
# one whose settings and limits were looked up would answer. "." and ".." would be read as path
# steps, and a name longer than this one is no name.
_IMPOSSIBLE_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]|^ | $|^\.{1,2}$")
_LONGEST_NAME = 512
_SHOWN = 64  # characters of a name that an error repeats


class WholeAnswer(NamedTuple):
    """A whole answer, and what it tells of itself.

    Attributes:
        body: OpenAI's JSON, or a whole stream of its events.
        tokens: how many there were.
        model: the one that answered, as the server or its provider names it; "" if it does not.
    """

    body: bytes
    tokens: TokenCounts = UNKNOWN
    model: str = ""


class StreamTranslator(Protocol):
    """Translates one streamed answer. Any split of the input gives the same output."""

    @property
    def error(self) -> TranslatorError | None:
        """The error that ended the stream, if one did."""

    @property
    def tokens(self) -> TokenCounts:
        """What has been counted so far."""

    @property
    def answered_by(self) -> str:
        """The model, as in :class:`WholeAnswer`, once it is known."""

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes from upstream; give the complete OpenAI events they lead to."""

    def finish(self) -> bytes:
        """Upstream has ended: give the events that end the OpenAI stream."""

    def fail(self, error: TranslatorError) -> bytes:
        """Give the events that end the stream with an error; nothing comes after them."""


class Inference(Protocol):
    """One request on its way: what its answer depends on."""

    @property
    def model(self) -> str | None:
        """The model as the client named it, or None when only the answer knows."""

    @property
    def streamed(self) -> bool:
        """Whether upstream is to be asked for a stream of events."""

    @property
    def as_events(self) -> bool:
        """Whether the client asked for events, so that :meth:`from_oip` gives a whole stream."""

    def from_oip(self, body: bytes) -> WholeAnswer:
        """Translate a whole OIP response.

        Raises:
            UpstreamError: 502, the response is not what this endpoint can answer with.
        """

    def from_events(self, body: bytes) -> WholeAnswer:
        """Translate a whole event stream of OIP responses that nobody asked for.

        Raises:
            UpstreamError: as :meth:`from_oip`.
        """

    def stream(self, limit: int | None = None) -> StreamTranslator:
        """A translator for a streamed response. Called only where ``streamed`` is true.

        Args:
            limit: the most bytes one event may hold; None for the default.
        """


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One OpenAI endpoint.

    Attributes:
        operation: the path after the version or after ``/infer``, as ``chat/completions``.
        to_oip: takes the request body, the model of the URL (None if the URL names none) and the
            settings of models; gives the OIP body and the inference. Raises ClientError for a
            request that is at fault.
        inference: makes an inference from the model's name and ``streamed`` alone, for an answer
            whose request is not at hand.
    """

    operation: str
    to_oip: Callable[[bytes, str | None, Models], tuple[bytes, Inference]]
    inference: Callable[[str | None, bool], Inference]


def take_model(fields: Fields, url_model: str | None, *, required: bool = True) -> str:
    """Remove ``model`` from the body, check it against the URL's, and give the name.

    Args:
        fields: the body, which loses its ``model``.
        url_model: the model that the URL names, if it does.
        required: whether the body must name it even when the URL does.

    Raises:
        ClientError: 400 when it is missing or is not the URL's; 404 when no model can have it.
    """
    raw = fields.pop("model", None)
    if raw is None or is_null(raw):
        if required or url_model is None:
            raise _no_model()
        model = url_model
    else:
        model = decode_field(raw, str, "model")
    if not model:
        raise _no_model()
    if url_model is not None and model != url_model:
        raise ClientError(
            f"The model in the request body, '{model[:_SHOWN]}', is not the model of this URL, "
            f"'{url_model[:_SHOWN]}'.",
            param="model",
            code="model_mismatch",
        )
    if _IMPOSSIBLE_NAME.search(model) or len(model) > _LONGEST_NAME:
        raise model_not_found(model[:_SHOWN])
    return model


def _no_model() -> ClientError:
    # OpenAI names neither param nor code here, unlike for any other field.
    return ClientError("you must provide a model parameter")


def model_not_found(model: str | None) -> ClientError:
    """OpenAI's error for a model that is not there, status 404."""
    name = f"`{model}`" if model else "that you requested"
    return ClientError(
        f"The model {name} does not exist or you do not have access to it.",
        status=404,
        code="model_not_found",
    )
