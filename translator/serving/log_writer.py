"""Writes the log from a thread of its own, so that nobody who reads it can delay an exchange.

A pipe whose reader has stopped blocks whoever writes to it. Lines wait in a bounded queue; what
does not fit is dropped and counted, and the log says so when it can be written again. A complaint
that repeats is written a few times a minute.
"""

import logging
import os
import sys
from collections import OrderedDict, deque
from collections.abc import Iterator
from math import inf
from threading import Condition, Thread
from time import monotonic, sleep

_MAX_WAITING = 1024 * 1024  # bytes of waiting lines
# Bytes of one write: no line of another worker comes in between (PIPE_BUF).
_WRITE_SIZE = 4096
_STANDARD_ERROR = 2
_FLUSH_TIMEOUT = 1.0  # seconds, at the exit of the process
_INTERVAL = 60.0  # seconds
_REPEATS = 10
_RETRY_INTERVAL = 0.05  # seconds
_MAX_COMPLAINTS = 100  # that are remembered


class Repeats:
    """Limits how often the same complaint is logged.

    Complaints are the same if they have the same logger and the same message before its arguments
    are inserted, up to its first line, because asyncio writes different things below it.

    Args:
        times: of one complaint in a minute.

    Attributes:
        suppressed: the number of complaints that were not logged.
    """

    def __init__(self, times: int = _REPEATS) -> None:
        self._times = times
        self.suppressed = 0
        # The end of the interval, and the count, by complaint; the oldest first.
        self._seen: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def admitted(self, record: logging.LogRecord) -> Iterator[logging.LogRecord]:
        """The record, unless it is a complaint that has been logged often enough.

        Before it, the number of complaints that were not logged, if their minute is over.
        """
        now = monotonic()
        yield from self.ended(now)
        if record.levelno >= logging.WARNING:
            key = (record.name, str(record.msg).partition("\n")[0])
            end, count = self._seen.get(key, (now + _INTERVAL, 0))
            self._seen[key] = end, count + 1
            if count >= self._times:
                self.suppressed += 1
                return
        yield record

    def ended(self, now: float) -> Iterator[logging.LogRecord]:
        """Forget the complaints whose minute is over, and the oldest if they are too many."""
        while self._seen:
            key, (end, count) = next(iter(self._seen.items()))
            if now < end and len(self._seen) <= _MAX_COMPLAINTS:
                return
            del self._seen[key]
            if count > self._times:
                yield _record(key[0], "not logged %d more times: %s", count - self._times, key[1])


class LogWriter(logging.Handler):
    """Writes to a file descriptor.

    Args:
        descriptor: the file descriptor, or None to drop all.

    Attributes:
        dropped: the number of lines that could not be written.
        repeats: limits complaints.
    """

    def __init__(self, descriptor: int | None) -> None:
        super().__init__()
        self.dropped = 0
        self.repeats = Repeats()
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque()
        self._size = 0  # of the lines, with those that are being written
        self._told = 0  # dropped lines that the log has reported
        self._changed = Condition()
        Thread(target=self._run, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """See :class:`logging.Handler`. Never blocks."""
        for admitted in self.repeats.admitted(record):
            self._add(admitted)

    def flush(self) -> None:
        """Wait until all lines are written, for a short time at most. Called at exit."""
        for summary in self.repeats.ended(inf):
            self._add(summary)
        with self._changed:
            self._changed.wait_for(lambda: not self._size, _FLUSH_TIMEOUT)

    def _add(self, record: logging.LogRecord) -> None:
        try:
            line = self._line(record)
        except Exception:  # noqa: BLE001 -- as other handlers do: arguments can be anything
            self.handleError(record)
            return
        with self._changed:
            if self._size + len(line) > _MAX_WAITING:
                self.dropped += 1
                return
            self._size += len(line)
            self._lines.append(line)
            self._changed.notify_all()

    def _line(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode(errors="backslashreplace")

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                lines = [self._lines.popleft()]
                size = len(lines[0])
                while self._lines and size + len(self._lines[0]) <= _WRITE_SIZE:
                    lines.append(self._lines.popleft())
                    size += len(lines[-1])
            written = self._write(b"".join(lines))
            if written and self.dropped > self._told:
                self._tell()
            with self._changed:
                self.dropped += 0 if written else len(lines)
                self._size -= size
                self._changed.notify_all()

    def _tell(self) -> None:
        number = self.dropped - self._told
        if self._write(self._line(_record(__name__, "%d log lines were dropped", number))):
            self._told += number

    def _write(self, data: bytes) -> bool:
        """Write all of it. Returns whether that was possible."""
        if self._descriptor is None:
            return False
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # another process has made it non-blocking
                sleep(_RETRY_INTERVAL)
            except OSError:  # the reader is gone, or the disk is full
                return False
        return True


def _record(name: str, message: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "", 0, message, values, None)


def to_standard_error() -> LogWriter:
    """A writer to standard error. If that is closed, another file may have its descriptor."""
    return LogWriter(None if sys.stderr is None else _STANDARD_ERROR)
