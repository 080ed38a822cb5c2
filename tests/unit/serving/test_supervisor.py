"""Start, restart and stop of a worker, with small processes instead of workers."""

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from translator.serving import worker as module
from translator.serving.supervisor import command
from translator.serving.worker import Backoff, Ready, Worker, WorkerError
from translator.settings.definition import FIXED, Settings
from translator.settings.sources import load
from translator.settings.values import Workers

READY = 'print(\'{"listening": "here", "admin": 7}\', flush=True)\n'
WAIT = "import sys; sys.stdin.read()\n"
POLITE = (
    "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n" + READY + WAIT
)
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def running(code: str) -> Worker:
    return Worker(3, [sys.executable, "-c", code])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- nothing tells when it comes true
            await asyncio.sleep(0.01)


def test_the_backoff_grows_and_is_reset() -> None:
    backoff = Backoff()
    assert [backoff.after(lived) for lived in [0, 1, 29] + 6 * [0]] == [
        *(0.1, 0.2, 0.4),
        *(0.8, 1.6, 3.2, 6.4, 10, 10),
    ]
    assert [backoff.after(lived) for lived in (30, 0, 0)] == [0.1, 0.2, 0.4]


async def test_a_worker_is_ready_when_it_reports_it() -> None:
    worker = running(POLITE)
    assert worker.ready is None
    await worker.start()
    assert worker.ready == Ready("here", 7)
    assert await worker.stop(20)
    assert worker.ready is None


async def test_other_output_is_ignored() -> None:
    worker = running("print('hello')\nprint('{}')\n" + READY + WAIT)
    await worker.start()
    assert worker.ready == Ready("here", 7)
    await worker.stop(20)


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("raise SystemExit(3)", "exited with status 3"),
        ("import os; os.abort()", "was killed by SIGABRT"),
        ("import os; os.kill(os.getpid(), 40)", "was killed by signal 40"),
    ],
)
async def test_a_worker_that_exits_before_it_is_ready_is_an_error(code: str, how: str) -> None:
    with pytest.raises(WorkerError, match=f"^{how}$"):
        await running(code).start()


async def test_a_worker_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    worker = Worker(0, [str(tmp_path / "none")])
    with pytest.raises(WorkerError, match=r"^cannot be started: No such file"):
        await worker.start()
    assert await worker.stop(20)


async def test_a_worker_that_exits_is_restarted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.01)
    worker = running(READY + "raise SystemExit(4)")
    await worker.start()
    keeping = asyncio.create_task(worker.keep(asyncio.Lock()))
    await until(lambda: worker.restarts == 3)
    keeping.cancel()
    await asyncio.wait({keeping})
    await worker.stop(20)
    assert caplog.messages[:3] == [
        f"worker 3 exited with status 4; restarting in {pause} s"
        for pause in ("0.01", "0.02", "0.04")
    ]
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


async def test_a_failed_restart_is_repeated(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.01)
    program = tmp_path / "program"
    program.symlink_to(sys.executable)
    worker = Worker(3, [str(program), "-c", POLITE])
    await worker.start()
    program.rename(tmp_path / "away")
    keeping = asyncio.create_task(worker.keep(asyncio.Lock()))
    await worker.stop(20)
    await until(lambda: worker.restarts >= 2)
    assert worker.ready is None
    (tmp_path / "away").rename(program)
    await until(lambda: worker.ready is not None)
    keeping.cancel()
    await asyncio.wait({keeping})
    assert await worker.stop(20)
    assert "worker 3 cannot be started: No such file or directory; restarting" in caplog.text


ASKING = (
    "import signal, sys; signal.signal(signal.SIGUSR1, lambda *_: sys.exit(0))\n"
    + READY
    + "print('enough', flush=True)\n"
    + WAIT
)


async def test_workers_that_ask_are_replaced_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "_SETTLING", 0.01)
    replacing = asyncio.Lock()
    workers = [Worker(index, [sys.executable, "-c", ASKING]) for index in range(2)]
    for worker in workers:
        await worker.start()
    async with asyncio.TaskGroup() as group:
        keeping = [group.create_task(worker.keep(replacing)) for worker in workers]
        await until(lambda: all(worker.replacements > 1 for worker in workers))
        for task in keeping:
            task.cancel()
    for worker in workers:
        await worker.stop(20)
        assert worker.restarts == 0
    indexes = [message.split()[1] for message in caplog.messages]
    assert indexes[:6:2] == indexes[1:6:2]


async def test_a_replacement_that_cannot_be_started_is_restarted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.01)
    program = tmp_path / "program"
    program.symlink_to(sys.executable)
    worker = Worker(3, [str(program), "-c", ASKING])
    await worker.start()
    program.unlink()
    keeping = asyncio.create_task(worker.keep(replacing := asyncio.Lock()))
    await until(lambda: worker.restarts > 1)
    assert (worker.replacements, worker.ready, replacing.locked()) == (1, None, False)
    program.symlink_to(sys.executable)
    await until(lambda: worker.replacements > 1)
    keeping.cancel()
    await asyncio.wait({keeping})
    await worker.stop(20)


async def test_a_worker_that_was_not_ready_may_end_by_sigterm(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    worker = running(f"open({str(begun)!r}, 'w')\n" + WAIT)
    starting = asyncio.create_task(worker.start())
    await until(begun.exists)
    starting.cancel()
    await asyncio.wait({starting})
    assert await worker.stop(20)


async def test_a_worker_that_was_ready_must_exit_with_0(caplog: pytest.LogCaptureFixture) -> None:
    worker = running(READY + WAIT)
    await worker.start()
    assert not await worker.stop(20)
    assert caplog.messages == ["worker 3 was killed by SIGTERM"]


async def test_a_worker_that_does_not_exit_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    worker = running(DEAF + READY + WAIT)
    await worker.start()
    assert not await worker.stop(0.1)
    assert caplog.messages == [
        "worker 3 has not exited within 0.1 s; killing it",
        "worker 3 was killed by SIGKILL",
    ]


def flags_of(argv: list[str]) -> dict[str, str]:
    options = dict(part[2:].split("=", 1) for part in argv if part.startswith("--"))
    return {name.replace("-", "_"): text for name, text in options.items()}


def test_a_worker_has_the_flags_of_its_supervisor() -> None:
    argv = command(1, {"grace": "2", "log_level": "DEBUG"}, None, Settings())
    assert argv[argv.index("-m") :] == [
        *("-m", "translator", "worker", "1"),
        *("--grace=2", "--log-level=DEBUG"),
    ]


@pytest.mark.parametrize(("started", "safe"), [(["python", "-m", "x"], False), (["x"], True)])
def test_a_worker_finds_modules_where_its_supervisor_does(
    monkeypatch: pytest.MonkeyPatch, started: list[str], *, safe: bool
) -> None:
    monkeypatch.setattr(sys, "orig_argv", started)
    assert ("-P" in command(0, {}, None, Settings())) is safe


def test_a_worker_keeps_settings_that_need_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("workers = 2\ngrace = 1\nmax_exchanges = 5\nsocket_mode = '600'")
    before = load({"log_level": "ERROR"}, {}, file)
    options = flags_of(command(0, {"log_level": "ERROR"}, file, before))
    assert options.pop("config") == str(file)
    file.write_text("workers = 3\nlisten = 'unix:/{worker}'\nmax_exchanges = 6\ntls_key = 'k'")
    after = load(options, {}, file)
    changed = {
        name for name in after.__struct_fields__ if getattr(after, name) != getattr(before, name)
    }
    assert changed == {"max_exchanges"}
    assert changed.isdisjoint(FIXED)
    assert after.workers == Workers(2)
