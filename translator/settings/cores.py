"""The number of cores that this process may use.

A container's CPU limit is a quota of its cgroup: the process sees all cores of the machine and may
run on each of them, but only for a limited time in every period.
"""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path


def usable_cores(
    membership: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> int:
    """The number of cores by affinity, or the CPU quota rounded up, whichever is less.

    Args:
        membership: the file that lists the cgroups of the process.
        root: the mount point of the cgroup file system.
    """
    allotted = [float(len(os.sched_getaffinity(0)))]
    with suppress(OSError):
        for line in membership.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                allotted += _quotas(root, path, _in_version_2)
            elif "cpu" in controllers.split(","):
                allotted += _quotas(root / "cpu", path, _in_version_1)
    return math.ceil(min(allotted))


def _quotas(root: Path, path: str, read: Callable[[Path], tuple[str, str]]) -> Iterator[float]:
    """The visible quotas of a cgroup and of its ancestors, in cores.

    In a container the path is often the host's, and only the root exists: the container's own.
    """
    folder = root / path.lstrip("/")
    while folder.is_relative_to(root):
        with suppress(OSError, ValueError):
            quota, period = map(int, read(folder))  # "max" means no limit
            if quota > 0:
                yield quota / period
        folder = folder.parent


def _in_version_2(folder: Path) -> tuple[str, str]:
    quota, period = (folder / "cpu.max").read_text().split()
    return quota, period


def _in_version_1(folder: Path) -> tuple[str, str]:
    return (
        (folder / "cpu.cfs_quota_us").read_text(),
        (folder / "cpu.cfs_period_us").read_text(),
    )
