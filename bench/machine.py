"""The machine and the software of a measurement."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import translator
from bench import peers
from demo import stack

_PACKAGES = ("grpcio", "hpack", "msgspec", "orjson", "protobuf")
_PEERS = ("aiohttp", "fastapi", "httpx", "litellm")


def describe() -> dict[str, object]:
    """Processor, kernel, versions, revision, time and load average, at this moment."""
    environment = peers.PYTHON.parents[1]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _first(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text()),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "envoy": _first(r"version: \w+/([^/]+)/", _output(stack.envoy_binary(), "--version")),
        "wrk": _first(r"wrk (\S+)", _output("wrk", "--version")),
        "translator": translator.__version__,
        "packages": _versions(_PACKAGES, sys.path),
        "peers": _versions(_PEERS, map(str, environment.glob("lib/python*/site-packages"))),
        "revision": _output("git", "-C", stack.ROOT, "describe", "--always", "--dirty") or None,
        "load_average": os.getloadavg(),
    }


def _versions(names: Sequence[str], path: Iterable[str]) -> dict[str, str]:
    """The versions of the packages that are installed in one of these folders."""
    there = metadata.distributions(path=[*path])
    found = {package.name.lower(): package.version for package in there}
    return {name: found[name] for name in names if name in found}


def _first(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1].strip() if match else None


def _output(*argv: str | Path) -> str:
    try:
        result = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 -- fixed
    except OSError:
        return ""
    return result.stdout.strip()
