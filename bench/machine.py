"""The machine and the software that numbers belong to, for without these they mean little."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import translator
from demo import stack

_PACKAGES = ("grpcio", "protobuf", "msgspec", "uvloop")


def describe() -> dict[str, object]:
    """Processor, kernel, versions, revision, time and load average, as they are now."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _first(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text()),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "envoy": _first(r"version: \w+/([^/]+)/", _output(stack.envoy_binary(), "--version")),
        "wrk": _first(r"wrk (\S+)", _output("wrk", "--version")),
        "translator": translator.__version__,
        "packages": dict(_versions()),
        "revision": _output("git", "-C", stack.ROOT, "describe", "--always", "--dirty") or None,
        "load_average": os.getloadavg(),
    }


def _versions() -> Sequence[tuple[str, str]]:
    found = {dist.metadata["Name"].lower(): dist.version for dist in metadata.distributions()}
    return [(name, found[name]) for name in _PACKAGES if name in found]


def _first(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1].strip() if match else None


def _output(*argv: str | Path) -> str:
    try:
        result = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 -- fixed
    except OSError:
        return ""
    return result.stdout.strip()
