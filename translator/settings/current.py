"""The settings as they are now, read again when their file changes.

A mounted ConfigMap changes by the swap of a symbolic link, so what counts is the file behind the
path. New settings are checked as a whole and then taken over as a whole; wrong ones leave the old
in place. Exchanges under way keep those they began with.
"""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from translator.settings.definition import FIXED, Settings
from translator.settings.sources import SettingsError, load

logger = logging.getLogger(__name__)

LAST_GOOD = "OIP_TRANSLATOR_LAST_GOOD"
"""In the environment of a worker: the settings that the other workers have, as flags by name.

One that starts while the file is wrong begins with these.
"""

_INTERVAL = 1.0  # seconds between looks at the file


class CurrentSettings:
    """The settings of a process.

    Args:
        flags: by the name of the setting.
        environment: the process's variables.
        file: the settings file, or None.

    Raises:
        SettingsError: a setting is wrong.
    """

    def __init__(
        self, flags: Mapping[str, str], environment: Mapping[str, str], file: Path | None
    ) -> None:
        self._flags = dict(flags)
        self._environment = dict(environment)
        self._file = file
        self._seen = self._stamp()
        self.reloads = {"taken": 0, "refused": 0}
        self.settings = self._load_first()
        self.exchange = self.settings.exchange

    def reload(self) -> None:
        """Read the settings again; keep the old ones if the new are wrong."""
        self._seen = self._stamp()
        try:
            new = load(self._flags, self._environment, self._file)
        except SettingsError as error:
            self.reloads["refused"] += 1
            logger.error("settings not taken over: %s", error)  # noqa: TRY400 -- the message says it all
            return
        self._take(new)

    async def watch(self) -> None:
        """Read them again whenever the file changes, for ever."""
        while True:
            await asyncio.sleep(_INTERVAL)
            if self._stamp() != self._seen:
                self.reload()

    def _load_first(self) -> Settings:
        try:
            return load(self._flags, self._environment, self._file)
        except SettingsError:
            last_good = self._environment.get(LAST_GOOD)
            if last_good is None:
                raise
            self.reloads["refused"] += 1
            return load(msgspec.json.decode(last_good) | self._flags, {})

    def _take(self, new: Settings) -> None:
        old = self.settings
        for name in sorted(FIXED):
            if getattr(new, name) != getattr(old, name):
                logger.warning("%s has changed; that takes a restart", name)
        self.settings, self.exchange = new, new.exchange
        self.reloads["taken"] += 1
        logging.getLogger().setLevel(new.log_level)
        logger.info("settings taken over")

    def _stamp(self) -> tuple[int, int, int] | None:
        """What changes when the file does, or None when there is none to see."""
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
