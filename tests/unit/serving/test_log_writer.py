"""The thread that writes the log, before a pipe that is read or not."""

import fcntl
import io
import logging
import os
import time
from collections.abc import Iterator

import pytest

from translator.serving import log_writer
from translator.serving.log_writer import LogWriter, Repeats

MANY = 20_000
ROOM = 1024 * 1024
PIPE = 65_536


class Pipe:
    """A pipe, and a log into it."""

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        self.reader: io.FileIO | None = io.FileIO(reading)
        self.writer = LogWriter(self.writing)
        self._unread = b""
        self.writer.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def log(self, number: int, level: int = logging.INFO, message: str = "line %d") -> None:
        for n in range(number):
            self.writer.handle(logging.LogRecord("x", level, "", 0, message, (n,), None))

    def read(self, until: bytes) -> list[str]:
        """Read lines up to the first that ends with this."""
        assert self.reader
        while until + b"\n" not in self._unread:
            self._unread += self.reader.read(PIPE) or b""
        lines, end, self._unread = self._unread.partition(until + b"\n")
        return (lines + end).decode().splitlines()

    def hang_up(self) -> None:
        assert self.reader
        self.reader.close()
        self.reader = None


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    if made.reader:
        made.hang_up()
    made.writer.flush()
    os.close(made.writing)


def until_written(writer: LogWriter) -> None:
    deadline = time.monotonic() + 20
    while writer._size:  # noqa: SLF001 -- nothing else tells
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_lines_are_written_in_order(pipe: Pipe) -> None:
    pipe.log(500)
    assert pipe.read(b"line 499") == [f"x: line {n}" for n in range(500)]
    assert pipe.writer.dropped == 0


def test_a_pipe_that_nobody_reads_does_not_block(pipe: Pipe) -> None:
    pipe.log(MANY, message="line %06d " + "x" * 90)
    dropped = pipe.writer.dropped
    assert MANY * 100 - PIPE - ROOM - 1000 < dropped * 105 < MANY * 105 - ROOM
    begun = time.monotonic()
    pipe.writer.flush()  # as at exit
    assert time.monotonic() - begun < 10
    said = pipe.read(b"log lines were dropped")[-1]
    assert said == f"translator.serving.log_writer: {dropped} log lines were dropped"
    pipe.read(b"%06d " % (MANY - dropped - 1) + b"x" * 90)
    pipe.log(1, message="written again: %d")
    assert pipe.read(b"written again: 0") == ["x: written again: 0"]
    assert pipe.writer.dropped == dropped


def test_no_line_is_cut_by_those_of_another_process(pipe: Pipe) -> None:
    # The kernel writes up to 4096 bytes in one piece.
    other = LogWriter(pipe.writing)
    for n in range(2000):
        for writer in (pipe.writer, other):
            writer.handle(logging.LogRecord("x", logging.INFO, "", 0, "%d", (n,), None))
        if n % 100 == 99:
            pipe.writer.flush()
            other.flush()
            lines = pipe.read(b"%d" % n) + pipe.read(b"%d" % n)
            assert {line.removeprefix("x: ") for line in lines} == {*map(str, range(n - 99, n + 1))}
    other.flush()


def test_lines_are_dropped_when_the_reader_is_gone(pipe: Pipe) -> None:
    pipe.hang_up()
    pipe.log(100)
    until_written(pipe.writer)
    assert pipe.writer.dropped == 100


def test_without_standard_error_all_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    writer = log_writer.to_standard_error()
    writer.handle(logging.LogRecord("x", logging.INFO, "", 0, "said", None, None))
    until_written(writer)
    assert writer.dropped == 1


def test_a_pipe_that_does_not_block_is_waited_for(pipe: Pipe) -> None:
    flags = fcntl.fcntl(pipe.writing, fcntl.F_GETFL)
    fcntl.fcntl(pipe.writing, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    pipe.log(3000, message="line %06d " + "x" * 90)
    assert len(pipe.read(b"002999 " + b"x" * 90)) == 3000
    assert pipe.writer.dropped == 0


def test_a_complaint_that_repeats_is_written_ten_times_a_minute(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(log_writer, "monotonic", lambda: now)
    pipe.log(1000, logging.WARNING, "bad %d")
    pipe.log(20, logging.INFO, "good %d")
    pipe.log(1, logging.ERROR, "worse %d")
    now += 60
    pipe.log(1, logging.WARNING, "bad %d")
    assert pipe.read(b"worse 0") == [
        *(f"x: bad {n}" for n in range(10)),
        *(f"x: good {n}" for n in range(20)),
        "x: worse 0",
    ]
    assert pipe.read(b"bad 0") == [
        "x: not logged 990 more times: bad %d",
        "x: bad 0",
    ]
    assert pipe.writer.repeats.suppressed == 990


def test_at_exit_the_log_says_what_was_not_logged(pipe: Pipe) -> None:
    pipe.log(11, logging.WARNING, "bad %d")
    pipe.writer.flush()
    assert pipe.read(b"bad %d")[-1] == "x: not logged 1 more times: bad %d"


def complaint(message: str, name: str = "x") -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "", 0, message, None, None)


def test_complaints_are_told_apart_by_logger_and_first_line() -> None:
    repeats = Repeats(times=1)
    said = [complaint("a\n1"), complaint("a\n2"), complaint("b"), complaint("a", name="y")]
    admitted = [list(repeats.admitted(record)) for record in said]
    assert admitted == [[said[0]], [], [said[2]], [said[3]]]


def test_few_complaints_are_remembered() -> None:
    repeats = Repeats(times=1)
    for n in range(1000):
        for _ in range(2):
            list(repeats.admitted(complaint(str(n))))
    assert len(repeats._seen) <= 101  # noqa: SLF001 -- nothing else tells
    assert repeats.suppressed == 1000


def test_an_error_in_a_record_does_not_reach_the_caller(
    pipe: Pipe, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe.log(1, message="no number")
    pipe.log(1)
    assert pipe.read(b"line 0") == ["x: line 0"]
    assert "not all arguments converted" in capsys.readouterr().err
