"""The process needs no privileges and no place to write: as nobody, on what is read-only."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import grpc
import pytest

from demo import stack
from tests.e2e.conftest import send
from tests.unit.transport.running import exchange_body, exchange_headers, open_stream

CONFINED = Path(__file__).with_name("confined.py")
NOBODY = 65534
READS_ALL = 2  # the capability CAP_DAC_READ_SEARCH


def runs_as_root(pid: int) -> bool:
    return Path(f"/proc/{pid}").stat().st_uid == 0


def capabilities(pid: int | str) -> int:
    """What a process may beyond others of its user, as bits."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^CapEff:\t(\w+)$", status, re.MULTILINE)
    assert found is not None
    return int(found[1], 16)


def as_nobody() -> list[str]:
    """What runs a command without privileges, home and folder of its own."""
    argv = []
    if os.geteuid() == 0:
        argv = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        if capabilities("self") >> READS_ALL & 1:  # this Python may be in root's home
            argv += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"]
    return [*argv, "env", "-i", "-C", "/", f"PYTHONPATH={stack.ROOT}"]


@pytest.mark.transport
async def test_it_serves_as_nobody_and_changes_no_file(tmp_path: Path) -> None:
    port, admin = stack.free_port(), stack.free_port()
    options = ["--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}"]
    serving = stack.Server(
        "The translator",
        [
            *as_nobody(),
            *(sys.executable, CONFINED),
            *(sys.executable, "-m", "translator", "serve", *options),
        ],
        log=tmp_path / "translator.log",
        ready=lambda: stack.answers(f"http://127.0.0.1:{admin}/readyz"),
    )
    with serving:
        assert not runs_as_root(serving.pid)
        assert capabilities(serving.pid) & ~(1 << READS_ALL) == 0
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = open_stream(channel)
            await exchange_headers(call)
            await exchange_body(call)
            await call.done_writing()
            assert await call.code() is grpc.StatusCode.OK
        assert send(admin, "GET", "/metrics").status == 200
        serving.send(signal.SIGTERM)
        assert serving.wait(10) == 0
    log = serving.log.read_text()
    assert log.splitlines()[-1].endswith("stopped")
    assert "Error" not in log


def test_nobody_cannot_give_a_socket_away() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        path = Path(folder, "s")
        serve = ["serve", "--listen", f"unix:{path}", "--socket-owner", "root"]
        argv = [*as_nobody(), sys.executable, "-m", "translator", *serve]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 -- ours
        assert done.returncode == 1
        assert done.stderr.endswith(
            f"cannot listen on {path}: it cannot be given to root (Operation not permitted)\n"
        )
        assert not path.exists()
