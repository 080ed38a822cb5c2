"""What every streamed answer has in common: events in, events out, one ``[DONE]`` at the end."""

from abc import ABC, abstractmethod

from translator import sse
from translator.errors import TranslatorError, UpstreamError
from translator.oip.errors import read_message
from translator.oip.response import InferenceResponse, decode
from translator.openai.errors import error_event


class EventStream(ABC):
    """A :class:`~translator.endpoints.base.StreamTranslator` of OIP responses, one per event.

    A subclass says what one response leads to and what ends the stream. An error, the server's or
    in its data, becomes an OpenAI error event; whatever comes after it is dropped. The stream
    always ends with exactly one ``[DONE]``.
    """

    def __init__(self) -> None:
        self._events = sse.Decoder()
        self._empty = True
        self._closed = False

    @abstractmethod
    def chunks_of(self, response: InferenceResponse) -> list[bytes]:
        """The data of the OpenAI events that one OIP response leads to.

        Raises:
            UpstreamError: the response cannot be translated.
        """

    @abstractmethod
    def closing_chunks(self) -> list[bytes]:
        """The data of the events that complete an answer, before ``[DONE]``."""

    def feed(self, chunk: bytes) -> bytes:
        """See :class:`~translator.endpoints.base.StreamTranslator`."""
        return self._translate(chunk, last=False)

    def finish(self) -> bytes:
        """See :class:`~translator.endpoints.base.StreamTranslator`."""
        return self._translate(b"", last=True)

    def _translate(self, chunk: bytes, *, last: bool) -> bytes:
        if self._closed:
            return b""
        out: list[bytes] = []
        try:
            for data in self._events.finish() if last else self._events.feed(chunk):
                content = data.strip()
                if content == b"[DONE]":
                    last = True
                    break
                if not content:  # some servers keep a connection alive with these
                    continue
                out += map(sse.encode, self._translate_event(data))
            if last:
                out += map(sse.encode, self._end())
                out.append(self._close())
        except sse.EventTooLargeError:
            out.append(self.fail(UpstreamError("The model server sent too large an event.")))
        except UpstreamError as error:
            out.append(self.fail(error))
        return b"".join(out)

    def fail(self, error: TranslatorError) -> bytes:
        """See :class:`~translator.endpoints.base.StreamTranslator`."""
        return b"" if self._closed else error_event(error) + self._close()

    def _translate_event(self, data: bytes) -> list[bytes]:
        response = decode(data)
        if response.failed:
            message = read_message(data) or "The model server failed while it was answering."
            raise UpstreamError(message)
        chunks = self.chunks_of(response)
        self._empty = self._empty and not chunks
        return chunks

    def _end(self) -> list[bytes]:
        if self._empty:
            raise UpstreamError("The model server ended its stream without an answer.")
        return self.closing_chunks()

    def _close(self) -> bytes:
        self._closed = True
        return sse.DONE
