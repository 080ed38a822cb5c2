"""CPU time of running processes, from /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
"""The resolution in seconds (usually 10 ms); a measurement needs hundreds of ticks."""


def seconds(pid: int) -> float:
    """CPU seconds, user and system, of a process and its descendants so far.

    They include all threads, and children that have exited and been waited for.

    Raises:
        ProcessLookupError: there is no such process.
    """
    # (parent, ticks) of every process; the ticks include those of its former children.
    processes = dict(_read())
    if pid not in processes:
        raise ProcessLookupError(pid)
    children: dict[int, list[int]] = {}
    for number, (parent, _) in processes.items():
        children.setdefault(parent, []).append(number)
    ticks = 0
    family = [pid]
    while family:
        member = family.pop()
        ticks += processes[member][1]
        family += children.get(member, [])
    return ticks * TICK


def _read() -> Iterator[tuple[int, tuple[int, int]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text()
            except OSError:  # the process has exited
                continue
            # The name before the last parenthesis can contain spaces and parentheses. The fields
            # after it, by their numbers in proc(5): state (3), ppid (4), ..., utime, stime, cutime
            # and cstime (14 to 17).
            fields = text.rpartition(")")[2].split()
            yield int(folder.name), (int(fields[1]), sum(int(field) for field in fields[11:15]))
