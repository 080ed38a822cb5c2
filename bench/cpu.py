"""CPU time of running processes, from /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds; nothing here is finer (usually 10 ms), so measure over hundreds of them."""


def seconds(pid: int) -> float:
    """CPU seconds, user and system, that a process and its descendants have used so far.

    All threads are counted, and so are children that have ended and been waited for.

    Raises:
        ProcessLookupError: there is no such process.
    """
    # One look at every process: (parent, ticks), the ticks with those of its children of the past.
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
            except OSError:  # it has ended meanwhile
                continue
            # The name before the last parenthesis may itself hold spaces and parentheses. After
            # it, numbered as in proc(5): state (3), ppid (4), ..., utime, stime, cutime and
            # cstime (14 to 17).
            fields = text.rpartition(")")[2].split()
            yield int(folder.name), (int(fields[1]), sum(int(field) for field in fields[11:15]))
