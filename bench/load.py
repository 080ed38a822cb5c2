"""Load on a server, and its result: from wrk, or from our own client.

wrk is for small requests. With large ones it has many in progress when its time is over, which cost
CPU but are not counted; :mod:`bench.client` waits for them.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.results import BenchError

HOW_TO_GET_WRK = "wrk is needed for the load: apt-get install wrk (or https://github.com/wg/wrk)."

# wrk's own summary has rounded values in changing units. This script prints one line of JSON, with
# times in microseconds.
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
    """A run in which a request failed. Its figures are not used."""


class Request(NamedTuple):
    """A request: its path, and its JSON body."""

    path: str
    body: bytes


class Run(NamedTuple):
    """A run without errors.

    Attributes:
        requests: the number of requests with a response.
        seconds: the duration.
        p50: median latency in seconds.
        p99: the latency in seconds that one request in a hundred exceeds. wrk corrects both for
            the requests that it could not send while it waited for a slow response.
    """

    requests: int
    seconds: float
    p50: float
    p99: float


def installed() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def wrk(
    port: int, requests: Sequence[Request], *, connections: int, seconds: int, folder: Path
) -> Run:
    """Post the requests in turn; each connection sends the next after the response.

    Args:
        port: the loopback port.
        requests: the requests.
        connections: their number, all from one thread.
        seconds: the duration; wrk takes whole seconds only.
        folder: for wrk's script.

    Raises:
        LoadError: wrk failed, a connection broke, or a status was 400 or above.
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
    # Lua reads these JSON strings as the same strings.
    return _SCRIPT.format(
        paths=", ".join(json.dumps(request.path) for request in requests),
        bodies=", ".join(json.dumps(str(file)) for file in files),
    )


def parse(output: str) -> Run:
    """Read the last line of the script's output.

    Raises:
        LoadError: it reports errors, or no requests.
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
