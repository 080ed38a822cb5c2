"""The memory of a process with a known size."""

import subprocess
import sys

import pytest

from bench import rss

# Takes 100 MB and gives them back, then takes 40 and says so each time.
_PROGRAM = """\
import sys
taken = bytearray(b"x") * 100_000_000
del taken
print("first", flush=True)
sys.stdin.readline()
taken = bytearray(b"x") * 40_000_000
del taken
print("second", flush=True)
sys.stdin.readline()
"""


def test_a_peak_is_of_the_time_since_it_was_reset() -> None:
    with subprocess.Popen(  # noqa: S603 -- the program above
        [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"first\n"
        idle = rss.now(process.pid)
        assert rss.peak(process.pid) - idle == pytest.approx(100, abs=10)
        rss.reset_peak(process.pid)
        assert rss.peak(process.pid) == pytest.approx(idle, abs=1)
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"second\n"
        assert rss.peak(process.pid) - idle == pytest.approx(40, abs=5)
        process.communicate(b"\n")
