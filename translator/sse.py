"""Server-sent events: an incremental decoder and the encoder for one event.

Only what carries data is of interest here: ``data`` fields are kept, ``event``, ``id``, ``retry``
and comments are read past. Source: WHATWG HTML, section "Server-sent events", with one leniency:
an event that the end of the stream cuts off before its blank line is still delivered, because a
model server that forgets the last line feed has not unsaid its answer.
"""

from collections.abc import Iterator

_BOM = b"\xef\xbb\xbf"


class EventTooLargeError(ValueError):
    """One event is larger than the decoder's limit."""


class Decoder:
    """Turns chunks of a ``text/event-stream`` body into the data of its events.

    Any split of the stream into chunks gives the same events. A line may end in LF, CR or CRLF;
    nothing else does (``str.splitlines`` would also break at U+2028, which JSON may hold).

    Args:
        limit: the most bytes one event may hold before :class:`EventTooLargeError` is raised.
    """

    __slots__ = ("_after_cr", "_data", "_first", "_limit", "_partial", "_size")

    def __init__(self, limit: int = 64 * 1024 * 1024) -> None:
        self._limit = limit
        self._partial: list[bytes] = []  # pieces of the line that has not ended yet
        self._data: list[bytes] = []  # data lines of the event that has not ended yet
        self._size = 0
        # A CR ends its line at once; the LF of a CRLF split over two chunks is then left to skip.
        self._after_cr = False
        self._first = True

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take the next bytes of the stream; give the data of every event they complete.

        Raises:
            EventTooLargeError: after every event before the one that is.
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
            if len(line) == len(piece):  # the line goes on in the next chunk
                self._partial.append(piece)
                continue
            if self._partial:
                line = b"".join((*self._partial, line))
                self._partial.clear()
            yield from self._take_line(line)

    def finish(self) -> Iterator[bytes]:
        """The stream has ended: give the event it left open, if there is one."""
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
        elif line:  # a comment or a field of no interest; it is not kept, so it does not count
            self._size -= len(line)
        elif self._data:
            data = b"\n".join(self._data)
            self._data.clear()
            self._size = 0
            yield data


def encode(data: bytes) -> bytes:
    """One event holding ``data``, which must be a single line, as compact JSON is."""
    return b"data: %b\n\n" % data
