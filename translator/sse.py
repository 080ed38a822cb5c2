"""Server-sent events: an incremental decoder, and an encoder for one event.

Only ``data`` fields are decoded; ``event``, ``id``, ``retry`` and comments are ignored. Source:
WHATWG HTML, section "Server-sent events", with one difference: an event without its blank line at
the end of the stream is delivered too, because some model servers omit the last line feed.
"""

from collections.abc import Iterator

_BOM = b"\xef\xbb\xbf"


class EventTooLargeError(ValueError):
    """One event is larger than the decoder's limit."""


class Decoder:
    """Turns chunks of a ``text/event-stream`` body into the data of its events.

    Any split of the stream into chunks gives the same events. Lines end in LF, CR or CRLF only
    (``str.splitlines`` would also split at U+2028, which can occur in JSON).

    Args:
        limit: the maximum size of an event in bytes; beyond it :class:`EventTooLargeError` is
            raised.
    """

    __slots__ = ("_after_cr", "_data", "_first", "_limit", "_partial", "_size")

    def __init__(self, limit: int = 64 * 1024 * 1024) -> None:
        self._limit = limit
        self._partial: list[bytes] = []  # pieces of the current line
        self._data: list[bytes] = []  # data lines of the current event
        self._size = 0
        # A CR ends its line at once; if its LF begins the next chunk, that LF is skipped.
        self._after_cr = False
        self._first = True

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Decode the next bytes of the stream; yields the data of each event that they complete.

        Raises:
            EventTooLargeError: an event is too large; the events before it have been yielded.
        """
        if not chunk:
            return
        if self._after_cr and chunk[:1] == b"\n":
            chunk = chunk[1:]
        self._after_cr = chunk[-1:] == b"\r"
        for piece in chunk.splitlines(keepends=True):
            line = piece.rstrip(b"\r\n")
            self._size += len(line)
            if self._size > self._limit:
                raise EventTooLargeError
            if len(line) == len(piece):  # the line continues in the next chunk
                self._partial.append(piece)
                continue
            if self._partial:
                line = b"".join((*self._partial, line))
                self._partial.clear()
            yield from self._take_line(line)

    def finish(self) -> Iterator[bytes]:
        """End the stream; yields the data of an incomplete event, if there is one."""
        yield from self._take_line(b"".join(self._partial))
        self._partial.clear()
        yield from self._take_line(b"")

    def _take_line(self, line: bytes) -> Iterator[bytes]:
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif line == b"data":
            self._data.append(b"")
        elif line:  # a comment or another field; it is not kept, so it does not count
            self._size -= len(line)
        elif self._data:
            data = b"\n".join(self._data)
            self._data.clear()
            self._size = 0
            yield data


def encode(data: bytes) -> bytes:
    """One event with ``data``, which must be a single line, such as compact JSON."""
    return b"data: %b\n\n" % data
