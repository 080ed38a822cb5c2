"""Load on a server, and what it measured: from wrk, or from a client of our own.

wrk is what to measure small requests with. Of large ones it has many under way when its time is up,
which cost CPU and are not counted; :mod:`bench.client` lets what it has begun come to its end.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.results import BenchError

HOW_TO_GET_WRK = "wrk is needed for the load: apt-get install wrk (or https://github.com/wg/wrk)."

# wrk's own summary is for people: it rounds, and changes its units as it goes. Here is the same in
# one line, times in microseconds.
_SCRIPT = """\
local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
local paths = {{{paths}}}
local bodies = {{{bodies}}}

if #paths == 1 then
  wrk.path = paths[1]
  wrk.body = read(bodies[1])
else
  local requests, sent = {{}}, 0

  function init()
    for number, path in ipairs(paths) do
      requests[number] = wrk.format("POST", path, wrk.headers, read(bodies[number]))
    end
  end

  function request()
    sent = sent + 1
    return requests[sent % #requests + 1]
  end
end

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


class LoadError(BenchError):
    """A run in which not every request was answered well. It counts for nothing."""


class Request(NamedTuple):
    """Something to post: where to, and JSON."""

    path: str
    body: bytes


class Run(NamedTuple):
    """A run without errors.

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


def wrk(
    port: int, requests: Sequence[Request], *, connections: int, seconds: int, folder: Path
) -> Run:
    """Post the requests in turns, on each connection as soon as it has its answer.

    Args:
        port: where to, on loopback.
        requests: what.
        connections: how many, all from one thread.
        seconds: how long, in whole seconds, for wrk knows no others.
        folder: takes wrk's script.

    Raises:
        LoadError: wrk failed, a connection broke, or an answer's status was 400 or above.
    """
    script = folder / "post.lua"
    script.write_text(_script(requests, folder))
    url = f"http://127.0.0.1:{port}"
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=30s", f"-s{script}", url]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 -- ours
    if result.returncode:
        msg = f"wrk ended with status {result.returncode}: {result.stderr or result.stdout}"
        raise LoadError(msg)
    return parse(result.stdout)


def _script(requests: Sequence[Request], folder: Path) -> str:
    files = [folder / f"body-{number}.json" for number in range(len(requests))]
    for file, request in zip(files, requests, strict=True):
        file.write_bytes(request.body)
    # What JSON makes of these strings is what Lua reads.
    return _SCRIPT.format(
        paths=", ".join(json.dumps(request.path) for request in requests),
        bodies=", ".join(json.dumps(str(file)) for file in files),
    )


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
