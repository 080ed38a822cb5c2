"""``make demo`` as a person meets it: what it prints, how it stops, what it says when it cannot."""

import json
import re
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import gettempdir

import pytest

from demo import stack
from demo.__main__ import main
from tests.e2e.conftest import send

SERVERS = ("MLServer", "The translator", "Envoy")


@contextmanager
def demo(port: int) -> Iterator["Popen[str]"]:
    argv = [sys.executable, "-m", "demo", "--port", str(port)]
    with Popen(  # noqa: S603 -- our own program
        argv, cwd=stack.ROOT, stdout=PIPE, stderr=PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(30)


def test_it_says_what_it_does_serves_and_stops() -> None:
    port = stack.free_port()
    with demo(port) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "Ctrl-C" not in lines[-1]:
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            lines.append(line)
        text = "".join(lines)
        assert all(f"Starting {name} ... ready" in text for name in SERVERS)
        assert f"http://localhost:{port}/v1" in text
        body = {"model": "chatgpt", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
        head = {"content_type": "application/json"}
        path = "/v1/chat/completions"
        assert send(port, "POST", path, json.dumps(body).encode(), **head).status == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out.strip(), err) == (0, "Stopped.", "")
    assert not stack.accepts(port)
    found = re.search(r"Logs: (\S+)\.", text)
    assert found
    assert Path(found[1]).parent == Path(gettempdir())
    assert not Path(found[1]).exists()


def test_it_can_be_stopped_while_it_starts() -> None:
    said = "Starting MLServer ... "
    with demo(stack.free_port()) as process:
        assert process.stdout is not None
        assert process.stdout.read(len(said)) == said
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "Stopped.\n", "")


def test_a_taken_port_is_said_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo(port) as process:
            out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert out == ""
    assert err.startswith(f"Port {port} is in use")
    assert err.count("\n") == 1


def test_a_server_that_fails_is_named_with_the_reason_and_its_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(_http: int, _grpc: int, folder: Path) -> stack.Server:
        argv = ["sh", "-c", "echo a word before; echo no such model; exit 3"]
        return stack.Server("MLServer", argv, log=folder / "x.log", ready=lambda: False)

    monkeypatch.setattr(stack, "mlserver", failing)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process's handlers stay pytest's
    monkeypatch.setattr(sys, "argv", ["demo", "--port", str(stack.free_port())])
    assert main() == 1
    out, err = capsys.readouterr()
    assert out == "Starting MLServer ... failed\n"
    stopped, reason, kept = err.splitlines()
    assert (stopped, reason) == ("MLServer stopped with status 3.", "no such model")
    log = Path(kept.removeprefix("Log: "))
    assert log.read_text() == "a word before\nno such model\n"
    shutil.rmtree(log.parent)


def test_a_model_that_cannot_be_loaded_is_the_reason(tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(stack.MODELS / "openai-images", models / "openai-images")
    shutil.copy(stack.MODELS / "settings.json", models)
    broken = {"name": "broken", "implementation": "runtimes.no_such.Runtime"}
    (models / "broken").mkdir()
    (models / "broken" / "model-settings.json").write_text(json.dumps(broken))
    server = stack.mlserver(stack.free_port(), stack.free_port(), tmp_path, models=models)
    with pytest.raises(stack.StackError) as error, server:
        pytest.fail("it is not ready")
    stopped, reason, *_ = str(error.value).splitlines()
    assert stopped == "MLServer stopped with status 0."
    assert reason == "ModuleNotFoundError: No module named 'runtimes.no_such'"


def test_a_server_that_will_never_be_ready_is_not_waited_for(tmp_path: Path) -> None:
    server = stack.Server(
        "It",
        ["sh", "-c", "echo all is lost; exec sleep 60"],
        log=tmp_path / "log",
        ready=lambda: False,
        fatal="all is lost",
        exit_timeout=0.1,
    )
    with pytest.raises(stack.StackError) as error, server:
        pytest.fail("it is not ready")
    assert str(error.value).startswith("It failed to start and does not exit.\nall is lost\n")
    assert server.poll() == -signal.SIGTERM


def test_a_program_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    server = stack.Server("It", ["/no/such"], log=tmp_path / "log", ready=lambda: True)
    with pytest.raises(stack.StackError, match=r"It cannot be started: .*'/no/such'"), server:
        pytest.fail("it runs")


def test_a_signal_that_ended_a_server_is_named(tmp_path: Path) -> None:
    argv = ["sh", "-c", "kill -KILL $$"]
    server = stack.Server("It", argv, log=tmp_path / "log", ready=lambda: False)
    with (
        pytest.raises(stack.StackError, match=r"It stopped by SIGKILL\.\nThe log is empty"),
        server,
    ):
        pytest.fail("it is not ready")


@pytest.mark.parametrize("port", ["0", "99999", "http"])
def test_a_port_that_is_none_is_said_so(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["demo", "--port", port])
    with pytest.raises(SystemExit):
        main()
    assert "is not a port between 1 and 65535" in capsys.readouterr().err
