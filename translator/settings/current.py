"""The current settings, reloaded when their file changes.

Kubernetes updates a mounted ConfigMap by swapping a symbolic link, so the file behind the path is
watched. New settings are validated and applied as a whole; invalid ones are ignored. Exchanges in
progress keep the settings they began with.
"""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from translator.exchange.settings import ExchangeSettings
from translator.settings.definition import FIXED, Settings
from translator.settings.sources import SettingsError, load
from translator.settings.tokenizers import exchange_settings

logger = logging.getLogger(__name__)

LAST_GOOD = "OIP_TRANSLATOR_LAST_GOOD"
"""Environment variable of a worker: the settings of the other workers, as flags by name.

A worker that starts while the file is invalid uses these.
"""

_INTERVAL = 1.0  # seconds between checks of the file


class CurrentSettings:
    """The settings of a process.

    Args:
        flags: by the name of the setting.
        environment: the process's variables.
        file: the settings file, or None.

    Raises:
        SettingsError: a setting is invalid.
    """

    def __init__(
        self, flags: Mapping[str, str], environment: Mapping[str, str], file: Path | None
    ) -> None:
        self._flags = dict(flags)
        self._environment = dict(environment)
        self._file = file
        self._seen = self._stamp()
        self.reloads = {"taken": 0, "refused": 0}
        self.settings, self.exchange = self._load_first()

    def reload(self) -> None:
        """Reload the settings; keep the old ones if the new ones are invalid."""
        self._seen = self._stamp()
        try:
            new = load(self._flags, self._environment, self._file)
            exchange = exchange_settings(new)
        except SettingsError as error:
            self.reloads["refused"] += 1
            logger.error("settings not reloaded: %s", error)  # noqa: TRY400 -- the message is enough
            return
        self._take(new, exchange)

    async def watch(self) -> None:
        """Reload the settings whenever the file changes. Never returns."""
        while True:
            await asyncio.sleep(_INTERVAL)
            if self._stamp() != self._seen:
                self.reload()

    def _load_first(self) -> tuple[Settings, ExchangeSettings]:
        try:
            settings = load(self._flags, self._environment, self._file)
            return settings, exchange_settings(settings)
        except SettingsError:
            last_good = self._environment.get(LAST_GOOD)
            if last_good is None:
                raise
            self.reloads["refused"] += 1
            settings = load(msgspec.json.decode(last_good) | self._flags, {})
            return settings, exchange_settings(settings)

    def _take(self, new: Settings, exchange: ExchangeSettings) -> None:
        old = self.settings
        for name in sorted(FIXED):
            if getattr(new, name) != getattr(old, name):
                logger.warning("%s has changed; restart to apply it", name)
        self.settings, self.exchange = new, exchange
        self.reloads["taken"] += 1
        logging.getLogger().setLevel(new.log_level)
        logger.info("settings reloaded")

    def _stamp(self) -> tuple[int, int, int] | None:
        """A value that changes when the file does; None if there is no file."""
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
