"""How many cores a container may use."""

import os
from pathlib import Path

import pytest

from translator.settings.cores import usable_cores

VERSION_2 = "0::/pod/container\n"
VERSION_1 = "4:memory:/pod\n3:cpu,cpuacct:/pod\n0::/\n"


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))


def cores(folder: Path, membership: str, files: dict[str, str]) -> int:
    (folder / "membership").write_text(membership)
    for name, text in files.items():
        file = folder / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return usable_cores(folder / "membership", folder / "cgroup")


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, 8),
        ({"pod/container/cpu.max": "max 100000\n"}, 8),
        ({"pod/container/cpu.max": "200000 100000\n"}, 2),
        ({"pod/container/cpu.max": "150000 100000\n"}, 2),
        ({"pod/container/cpu.max": "10000 100000\n"}, 1),
        ({"pod/container/cpu.max": "9000000 100000\n"}, 8),
        # That of any group around counts, and in a container only the root can be seen.
        ({"pod/container/cpu.max": "max 100000\n", "pod/cpu.max": "300000 100000\n"}, 3),
        ({"cpu.max": "300000 100000\n"}, 3),
        ({"pod/container/cpu.max": "what\n"}, 8),
    ],
)
def test_the_quota_of_a_cgroup_counts(tmp_path: Path, files: dict[str, str], count: int) -> None:
    assert cores(tmp_path, VERSION_2, files) == count


@pytest.mark.parametrize(
    ("folder", "quota", "count"),
    [("cpu/pod", "250000\n", 3), ("cpu", "100000\n", 1), ("cpu/pod", "-1\n", 8)],
)
def test_so_does_that_of_version_1(tmp_path: Path, folder: str, quota: str, count: int) -> None:
    files = {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": "100000\n"}
    assert cores(tmp_path, VERSION_1, files) == count


def test_without_cgroups_affinity_counts(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "none", tmp_path) == 8


def test_here_there_is_at_least_one() -> None:
    assert 1 <= usable_cores() <= 8
