"""A response that is translated chunk by chunk, as Envoy receives it."""

from translator.errors import TranslatorError, UpstreamError
from translator.exchange.actions import Forward, Mode
from translator.exchange.content_encoding import Decoder, TooLargeError, UndecodableError
from translator.exchange.record import Record
from translator.operations.base import Stream


class StreamedResponse:
    """The translation of one streamed response.

    Args:
        stream: the translation of its events.
        decoder: the decoder of its content-encoding.
        mode: the mode of Envoy: DUPLEX if trailers can follow the body, else STREAM.

    Attributes:
        mode: the mode.
        begun: whether a chunk has arrived.
    """

    def __init__(self, stream: Stream, decoder: Decoder, mode: Mode) -> None:
        self._stream: Stream | None = stream
        self._decoder = decoder
        self.mode = mode
        self.begun = False

    def translate(
        self, chunk: bytes, record: Record, *, last: bool
    ) -> tuple[Forward, TranslatorError | None]:
        """Translate a chunk.

        Args:
            chunk: bytes as upstream sent them.
            record: is updated.
            last: whether the stream ends here.

        Returns:
            the chunk for the client, and the error that ended the stream with it, if one did.
        """
        self.begun = True
        if self._stream is None:
            return self.chunk(b"", last=last), None
        events = b""
        try:
            events = self._stream.feed(self._decoder.feed(chunk))
            if last:
                self._decoder.finish()
                events += self._stream.finish()
        except (TooLargeError, UndecodableError):
            events += self._stream.fail(
                UpstreamError("The model server's stream cannot be decoded.")
            )
        record.counted(self._stream.tokens, self._stream.model)
        record.repairs = tuple(sorted(self._stream.repairs))
        record.response_bytes += len(events)
        error = self._stream.error
        if error is not None:
            self.stop()
        return self.chunk(events, last=last), error

    def stop(self) -> None:
        """Drop the rest of the upstream body: the client's stream has ended with an error."""
        self._stream = None

    def chunk(self, events: bytes, *, last: bool) -> Forward:
        """A chunk for the client; ``last`` if the stream ends with it."""
        return Forward(body=events, ends=last if self.mode is Mode.DUPLEX else None)
