"""What every streamed answer has in common: events in, events out, one ``[DONE]`` at the end."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import chain

from translator import sse
from translator.endpoints.model_settings import DEFAULT, ModelSettings
from translator.errors import TranslatorError, UpstreamError
from translator.oip.response import InferenceResponse, unreadable
from translator.openai.errors import error_event

_DONE = b"[DONE]"


class EventStream(ABC):
    """A :class:`~translator.endpoints.base.StreamTranslator` of OIP responses, one per event.

    A subclass says what one response leads to and what ends the stream. An error, the server's or
    in its data, becomes an OpenAI error event; whatever comes after it is dropped. The stream
    always ends with exactly one ``[DONE]``.

    Args:
        limit: the most bytes one event may hold; None for the decoder's own limit.
        settings: the model's.
    """

    def __init__(self, limit: int | None = None, settings: ModelSettings = DEFAULT) -> None:
        self._settings = settings
        self._events = sse.Decoder() if limit is None else sse.Decoder(limit)
        self._closed = False
        self.error: TranslatorError | None = None

    @abstractmethod
    def chunks_of(self, response: InferenceResponse) -> list[bytes]:
        """The data of the OpenAI events that one OIP response leads to.

        Raises:
            UpstreamError: the response cannot be translated.
        """

    @property
    @abstractmethod
    def has_begun(self) -> bool:
        """Whether anything of an answer has come."""

    @abstractmethod
    def closing_chunks(self) -> list[bytes]:
        """The data of the events that complete an answer, before ``[DONE]``."""

    def feed(self, chunk: bytes) -> bytes:
        """See :class:`~translator.endpoints.base.StreamTranslator`."""
        return self._translate(self._events.feed(chunk), last=False)

    def finish(self) -> bytes:
        """See :class:`~translator.endpoints.base.StreamTranslator`."""
        return self._translate(self._events.finish(), last=True)

    def fail(self, error: TranslatorError) -> bytes:
        """See :class:`~translator.endpoints.base.StreamTranslator`."""
        if self._closed:
            return b""
        self.error = error
        return error_event(error) + self._close()

    def collect(self, responses: Iterable[bytes]) -> list[bytes]:
        """The data of all events but ``[DONE]`` that these OIP responses make.

        Raises:
            UpstreamError: there is no answer in them, or an error.
        """
        chunks = [chunk for data in responses for chunk in self._translate_event(data)]
        return chunks + self._end()

    def whole(self, response: bytes) -> bytes:
        """The stream that a single OIP response makes, to its end. Raises as :meth:`collect`."""
        return b"".join([*map(sse.encode, self.collect([response])), self._close()])

    def _translate(self, events: Iterator[bytes], *, last: bool) -> bytes:
        if self._closed:
            return b""
        out: list[bytes] = []
        try:
            for data in events:
                content = data.strip()
                if content == _DONE:
                    last = True
                    break
                if content:  # some servers keep a connection alive with empty ones
                    out += map(sse.encode, self._translate_event(data))
            if last:
                out += map(sse.encode, self._end())
                out.append(self._close())
        except sse.EventTooLargeError:
            out.append(self.fail(UpstreamError("The model server sent too large an event.")))
        except UpstreamError as error:
            out.append(self.fail(error))
        return b"".join(out)

    def _translate_event(self, data: bytes) -> list[bytes]:
        return self.chunks_of(self._settings.decode(data))

    def _end(self) -> list[bytes]:
        if not self.has_begun:
            message = "The model server ended its stream without an answer."
            raise UpstreamError(message, repeats=True)
        return self.closing_chunks()

    def _close(self) -> bytes:
        self._closed = True
        return sse.DONE


def read_events(body: bytes) -> list[bytes]:
    """The OIP responses in a whole event stream, up to a ``[DONE]`` if there is one."""
    decoder = sse.Decoder(limit=len(body))  # it is here already
    events: list[bytes] = []
    for data in chain(decoder.feed(body), decoder.finish()):
        content = data.strip()
        if content == _DONE:
            break
        if content:
            events.append(data)
    return events


def only_event(body: bytes) -> bytes:
    """The one OIP response in a whole event stream.

    Raises:
        UpstreamError: 502, there are several, or none.
    """
    events = read_events(body)
    if len(events) != 1:
        raise unreadable()
    return events[0]
