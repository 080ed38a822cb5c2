"""Resident memory of running processes, from /proc."""

import re
from pathlib import Path

MEGABYTE = 1e6


def now(pid: int) -> float:
    """Megabytes that a process has in memory.

    Raises:
        FileNotFoundError: there is no such process.
    """
    return _status(pid, "VmRSS")


def peak(pid: int) -> float:
    """The most megabytes it ever had, or had since :func:`reset_peak`.

    Raises:
        FileNotFoundError: there is no such process.
    """
    return _status(pid, "VmHWM")


def reset_peak(pid: int) -> None:
    """Let the peak begin anew at what is there now. See proc(5), clear_refs.

    Raises:
        FileNotFoundError: there is no such process.
    """
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, field: str) -> float:
    found = re.search(rf"{field}:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None  # noqa: S101 -- every process has one
    return int(found[1]) * 1024 / MEGABYTE
