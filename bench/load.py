"""Load from wrk: one run, and what it measured."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HOW_TO_GET_WRK = "wrk is needed for the load: apt-get install wrk (or https://github.com/wg/wrk)."

# wrk's own summary is for people: it rounds, and changes its units as it goes. Here is the same in
# one line, times in microseconds.
_SCRIPT = """\
local file = assert(io.open("{body}", "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["content-type"] = "application/json"
file:close()

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{{"requests":%d,"duration":%d,"p50":%d,"p99":%d,"connect":%d,"read":%d,"write":%d,'
      .. '"timeout":%d,"status":%d}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
"""
_ERRORS = ("connect", "read", "write", "timeout", "status")


class LoadError(RuntimeError):
    """A run in which not every request was answered well. It counts for nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of wrk without errors.

    Attributes:
        requests: how many were answered.
        seconds: how long it took.
        p50: median latency in seconds.
        p99: the latency, in seconds, that one request in a hundred exceeds. wrk corrects both for
            the requests it could not send while it waited for a slow answer.
    """

    requests: int
    seconds: float
    p50: float
    p99: float


def installed() -> bool:
    """Whether wrk is there."""
    return shutil.which("wrk") is not None


def post(url: str, body: bytes, *, connections: int, seconds: int, folder: Path) -> Run:
    """Post ``body`` to ``url`` over and over, on each connection as soon as it has its answer.

    Args:
        url: where to.
        body: JSON.
        connections: how many, all from one thread.
        seconds: how long, in whole seconds, for wrk knows no others.
        folder: takes wrk's script.

    Raises:
        LoadError: wrk failed, a connection broke, or an answer's status was 400 or above.
    """
    data, script = folder / "body.json", folder / "post.lua"
    data.write_bytes(body)
    script.write_text(_SCRIPT.format(body=data))
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 -- ours
    if result.returncode:
        msg = f"wrk ended with status {result.returncode}: {result.stderr or result.stdout}"
        raise LoadError(msg)
    return parse(result.stdout)


def parse(output: str) -> Run:
    """Read the line that the script wrote last.

    Raises:
        LoadError: it tells of errors, or of no request at all.
    """
    numbers: dict[str, int] = json.loads(output.rstrip().rpartition("\n")[2])
    errors = {name: numbers[name] for name in _ERRORS if numbers[name]}
    if errors or not numbers["requests"]:
        msg = f"wrk met errors in {numbers['requests']} requests: {errors}"
        raise LoadError(msg)
    return Run(
        requests=numbers["requests"],
        seconds=numbers["duration"] / 1e6,
        p50=numbers["p50"] / 1e6,
        p99=numbers["p99"] / 1e6,
    )
