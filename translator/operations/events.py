"""The translation of streams, for all operations: events in, events out, one end."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Generic, Protocol, TypeVar

from translator import sse
from translator.errors import TranslatorError, UpstreamError
from translator.operations.base import Dialect
from translator.operations.wording import Wording
from translator.tasks.repair import Repair
from translator.tasks.usage import TokenCounts

S_contra = TypeVar("S_contra", contravariant=True)
S = TypeVar("S")

_NO_WORDING = Wording("")


class Writer(Protocol[S_contra]):
    """Encodes a model's output as events of the client's API."""

    @property
    def has_begun(self) -> bool:
        """Whether there was any output."""

    @property
    def tokens(self) -> TokenCounts:
        """The token counts so far."""

    @property
    def model(self) -> str:
        """The model's name in the response of the server or its provider; "" if unknown."""

    @property
    def repairs(self) -> frozenset[Repair]:
        """The kinds of repairs so far."""

    def write(self, output: S_contra) -> list[bytes]:
        """The data of the events for one output.

        Raises:
            UpstreamError: the output cannot be translated.
        """

    def close(self) -> list[bytes]:
        """The data of the events that complete the response, before the end of the stream."""

    def rescue(self) -> list[bytes]:
        """The data of the events for held output, before an error ends the stream."""


def collect(writer: Writer[S], outputs: Iterable[S]) -> list[bytes]:
    """The data of all events of a response.

    Raises:
        UpstreamError: there was no output, or an error.
    """
    events = [event for output in outputs for event in writer.write(output)]
    if not writer.has_begun:
        message = "The model server ended its stream without a response."
        raise UpstreamError(message, repeats=True)
    return events + writer.close()


class EventStream(Generic[S]):
    """A :class:`~translator.operations.base.Stream` for model servers that send events.

    An error, also one inside an event, becomes an error event, and what follows it is dropped.
    Every stream ends with the dialect's end of stream, exactly once.

    Args:
        decode: decodes one event of the model server.
        writer: encodes it for the client.
        dialect: the dialect of the client's API.
        limit: the maximum size of an event in bytes.
        end: the data of the event that ends the model server's stream; b"" if there is none.
        wording: completes errors of the model server with facts of the request.
    """

    def __init__(  # noqa: PLR0913 -- each varies apart from the others
        self,
        decode: Callable[[bytes], S],
        writer: Writer[S],
        dialect: Dialect,
        limit: int,
        *,
        end: bytes = b"",
        wording: Wording = _NO_WORDING,
    ) -> None:
        self._decode = decode
        self._writer = writer
        self._dialect = dialect
        self._end = end
        self._wording = wording
        self._events = sse.Decoder(limit)
        self._closed = False
        self.error: TranslatorError | None = None

    @property
    def tokens(self) -> TokenCounts:
        """See :class:`~translator.operations.base.Stream`."""
        return self._writer.tokens

    @property
    def model(self) -> str:
        """See :class:`~translator.operations.base.Stream`."""
        return self._writer.model

    @property
    def repairs(self) -> frozenset[Repair]:
        """See :class:`~translator.operations.base.Stream`."""
        return self._writer.repairs

    def feed(self, chunk: bytes) -> bytes:
        """See :class:`~translator.operations.base.Stream`."""
        return self._translate(self._events.feed(chunk), last=False)

    def finish(self) -> bytes:
        """See :class:`~translator.operations.base.Stream`."""
        return self._translate(self._events.finish(), last=True)

    def fail(self, error: TranslatorError) -> bytes:
        """See :class:`~translator.operations.base.Stream`."""
        if self._closed:
            return b""
        self._wording.apply(error)
        self.error = error
        held = b"".join(map(sse.encode, self._writer.rescue()))
        return held + self._dialect.error_event(error) + self._close()

    def _translate(self, events: Iterator[bytes], *, last: bool) -> bytes:
        if self._closed:
            return b""
        out: list[bytes] = []
        try:
            for data in events:
                content = data.strip()
                if not content:  # some servers send empty events to keep the connection alive
                    continue
                if content == self._end:
                    last = True
                    break
                out += map(sse.encode, self._writer.write(self._decode(data)))
            if last:
                out += map(sse.encode, collect(self._writer, ()))
                out.append(self._close())
        except sse.EventTooLargeError:
            out.append(self.fail(UpstreamError("The model server sent too large an event.")))
        except UpstreamError as error:
            out.append(self.fail(error))
        return b"".join(out)

    def _close(self) -> bytes:
        self._closed = True
        return self._dialect.end_of_stream


def split(body: bytes, end: bytes = b"") -> list[bytes]:
    """The data of the events in a whole stream, up to the event whose data is ``end``."""
    decoder = sse.Decoder(limit=len(body))  # no limit: the body is already in memory
    events: list[bytes] = []
    for data in chain(decoder.feed(body), decoder.finish()):
        content = data.strip()
        if not content:
            continue
        if content == end:
            break
        events.append(data)
    return events
