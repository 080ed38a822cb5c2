"""Resident memory of running processes, from /proc."""

import re
from pathlib import Path

MEGABYTE = 1e6


def now(pid: int) -> float:
    """The resident set of a process in megabytes.

    Raises:
        FileNotFoundError: there is no such process.
    """
    return _status(pid, "VmRSS")


def peak(pid: int) -> float:
    """The peak of the resident set in megabytes, in total or since :func:`reset_peak`.

    Raises:
        FileNotFoundError: there is no such process.
    """
    return _status(pid, "VmHWM")


def reset_peak(pid: int) -> None:
    """Reset the peak to the current value. See proc(5), clear_refs.

    Raises:
        FileNotFoundError: there is no such process.
    """
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, field: str) -> float:
    found = re.search(rf"{field}:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None  # noqa: S101 -- every process has one
    return int(found[1]) * 1024 / MEGABYTE
