"""Settings that change while the process runs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from translator.settings import current as module
from translator.settings.current import CurrentSettings
from translator.settings.sources import SettingsError, as_flags, load
from translator.settings.values import Address


def made(folder: Path, text: str = "max_request_body = 1") -> CurrentSettings:
    file = folder / "settings.toml"
    file.write_text(text)
    return CurrentSettings({}, {}, file)


def test_the_default_model_changes_without_a_restart(tmp_path: Path) -> None:
    settings = made(tmp_path)
    (tmp_path / "settings.toml").write_text("[default_model]\nembeddings = 'bge'")
    settings.reload()
    assert settings.exchange.default_model == {"embeddings": "bge"}


@asynccontextmanager
async def watched(settings: CurrentSettings) -> AsyncIterator[None]:
    task = asyncio.create_task(settings.watch())
    await asyncio.sleep(0)  # it begins to watch
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- nothing tells when it comes true
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_INTERVAL", 0.01)


def test_wrong_settings_at_the_start_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="max_request_body"):
        made(tmp_path, "max_request_body = 'much'")


async def test_a_file_that_changes_is_taken_over(tmp_path: Path) -> None:
    settings = made(tmp_path)
    before = settings.exchange
    async with watched(settings):
        (tmp_path / "settings.toml").write_text("max_request_body = 22")
        await until(lambda: settings.settings.max_request_body == 22)
    assert settings.exchange.limits.request_body == 22
    assert before.limits.request_body == 1  # what has begun with them keeps them
    assert settings.reloads == {"taken": 1, "refused": 0}


async def test_a_swapped_link_is_a_change(tmp_path: Path) -> None:
    """As Kubernetes does it: the path is a link into a folder that is itself a link."""
    for name, size in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.toml").write_text(f"max_request_body = {size}")
    (tmp_path / "..data").symlink_to("one")
    file = tmp_path / "settings.toml"
    file.symlink_to("..data/settings.toml")
    settings = CurrentSettings({}, {}, file)
    async with watched(settings):
        (tmp_path / "..new").symlink_to("two")
        (tmp_path / "..new").rename(tmp_path / "..data")
        await until(lambda: settings.settings.max_request_body == 2)


DEEP = "a = " + "[" * 5000


@pytest.mark.parametrize("bad", ["max_request_body = 'much'", "a =", "unknown = 1", DEEP, None])
async def test_a_wrong_file_is_refused_logged_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, bad: str | None
) -> None:
    settings = made(tmp_path)
    file = tmp_path / "settings.toml"
    async with watched(settings):
        file.unlink() if bad is None else file.write_text(bad)
        await until(lambda: settings.reloads["refused"] >= 1)
        assert settings.settings.max_request_body == 1
        file.write_text("max_request_body = 333")
        await until(lambda: settings.settings.max_request_body == 333)
    assert "settings not reloaded" in caplog.text
    assert str(file) in caplog.text


def test_the_level_of_the_log_changes_at_once(tmp_path: Path) -> None:
    settings = made(tmp_path)
    level = logging.getLogger().level
    try:
        (tmp_path / "settings.toml").write_text("log_level = 'DEBUG'")
        settings.reload()
        assert logging.getLogger().level == logging.DEBUG
    finally:
        logging.getLogger().setLevel(level)


def test_what_takes_a_restart_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = made(tmp_path)
    (tmp_path / "settings.toml").write_text("listen = '127.0.0.1:1'\ngrace = 1")
    settings.reload()
    assert "listen has changed; restart to apply it" in caplog.text
    assert "grace has changed; restart to apply it" in caplog.text


def test_a_worker_that_starts_with_a_wrong_file_has_the_settings_of_the_others(
    tmp_path: Path,
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("max_request_body = 'x'")
    good = load(
        {
            "max_request_body": "3M",
            "forward_headers": "cookie,authorization",
            "listen": "h:1",
            "default_model": '{"embeddings": "m"}',
            "models": '{"m": {"contract": "seldon-pipeline"}}',
        },
        {},
    )
    last_good = {module.LAST_GOOD: msgspec.json.encode(as_flags(good)).decode()}
    started = CurrentSettings({"listen": "h:2"}, last_good, file)
    assert started.settings == msgspec.structs.replace(good, listen=Address("h:2"))
    assert started.reloads == {"taken": 0, "refused": 1}
    file.write_text("max_request_body = 5")
    started.reload()
    assert started.settings.max_request_body == 5


def test_no_process_of_its_own_starts_with_a_wrong_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("max_request_body = 'x'")
    with pytest.raises(SettingsError):
        CurrentSettings({}, {}, file)
