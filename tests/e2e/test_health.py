"""``oip-translator health`` beside a process that serves, as a container's probe runs it."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import grpc
import pytest

from demo import stack
from tests.e2e.fleet import fleet
from tests.unit.transport.certificates import Authority, write
from tests.unit.transport.running import OPTIONS, exchange_headers, open_stream

HEALTH = [sys.executable, "-m", "translator", "health"]


def health(*options: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """The exit status of the command and what it prints."""
    done = subprocess.run(  # noqa: S603 -- our own program
        [*HEALTH, *options],
        env=env,
        cwd=stack.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


@pytest.mark.transport
async def test_a_process_serves_then_drains_then_is_gone(tmp_path: Path) -> None:
    port = stack.free_port()
    target = f"127.0.0.1:{port}"
    env = {"OIP_TRANSLATOR_LISTEN": target}
    with stack.translator(port, tmp_path) as serving:
        assert health(env=env) == (0, f"{target}: SERVING\n")
        async with grpc.aio.insecure_channel(target, OPTIONS) as channel:
            call = open_stream(channel)
            await exchange_headers(call)
            serving.send(signal.SIGTERM)
            while (found := health(env=env))[0] == 0:  # until the signal has arrived
                pass
            assert found == (1, f"{target}: NOT_SERVING\n")
            await call.done_writing()
            assert await call.code() is grpc.StatusCode.OK
        assert serving.wait(20) == 0
        assert health(env=env) == (1, f"{target}: nothing listens there\n")


def test_the_file_says_where_unless_a_flag_does(tmp_path: Path) -> None:
    port = stack.free_port()
    files = write(tmp_path, Authority().issue())
    settings = tmp_path / "settings.toml"
    settings.write_text(
        f"listen = '0.0.0.0:{port}'\n"
        f"tls_certificate = '{files.certificate}'\ntls_key = '{files.key}'\n"
    )
    with stack.translator(port, tmp_path, f"--config={settings}"):
        env = {"OIP_TRANSLATOR_CONFIG": str(settings)}
        assert health(env=env) == (0, f"0.0.0.0:{port}: SERVING\n")
        free = f"127.0.0.1:{stack.free_port()}"
        assert health(f"--listen={free}", env=env) == (1, f"{free}: nothing listens there\n")


def test_one_worker_that_serves_is_enough(tmp_path: Path) -> None:
    listen = f"unix:{tmp_path}/{{worker}}"
    options = ["--workers=2", f"--listen={listen}", "--timeout=5"]
    with fleet(tmp_path, listen=listen) as running:
        first, second = running.targets
        assert health(*options) == (0, f"{first}: SERVING\n{second}: SERVING\n")
        hung = running.workers()[0]
        os.kill(hung, signal.SIGSTOP)
        found = health(*options)
        os.kill(hung, signal.SIGCONT)
        assert found == (0, f"{first}: no response within 5 s\n{second}: SERVING\n")


@pytest.mark.parametrize(("option", "status"), [("--grace=soon", 1), ("--timeout=soon", 2)])
def test_what_cannot_be_is_not_health(option: str, status: int) -> None:
    assert health(option) == (status, "")
