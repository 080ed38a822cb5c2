"""The file of a unix socket: not another's, readable to whom it should be, gone afterwards.

gRPC by itself unlinks whatever socket it finds at the path, that of a live server too, and makes
the new one with the mode that the process's umask leaves.
"""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

from translator.transport.errors import ListenError

_ALL = 0o777


class SocketFile:
    """The file of one socket.

    Args:
        address: ``unix:/path``, ``unix:///path`` or ``unix:path``, with %-escapes, as gRPC has it.
    """

    def __init__(self, address: str) -> None:
        self.path = Path(unquote(address.removeprefix("unix:")))
        self._ours: tuple[int, int] | None = None

    @contextmanager
    def bound(self, mode: int) -> Iterator[None]:
        """Bind inside this: a stale file is gone before, and the new one never has more than mode.

        The umask is the process's, so no other thread should make files meanwhile.

        Raises:
            ListenError: a live server, or something that is no socket, has the path.
        """
        try:
            self._clear()
            before = os.umask(_ALL & ~mode)
            try:
                yield
            finally:
                os.umask(before)
            # Where the folder has a default ACL the umask does not count.
            self.path.chmod(mode)
            self._ours = _identity(self.path)
        except ListenError:
            raise
        except OSError as error:
            msg = f"cannot listen on {self.path}: {error.strerror or error}"
            raise ListenError(msg) from error

    def remove(self) -> None:
        """Remove the file, if gRPC has not done so and nobody else has the path by now."""
        with suppress(FileNotFoundError):
            if self._ours is not None and _identity(self.path) == self._ours:
                self.path.unlink()

    def _clear(self) -> None:
        if not self.path.exists():
            return
        if not stat.S_ISSOCK(self.path.stat().st_mode):
            msg = f"cannot listen on {self.path}: it exists and is not a socket"
            raise ListenError(msg)
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(0)  # a full backlog is an answer too
            with suppress(ConnectionRefusedError):
                with suppress(BlockingIOError):
                    probe.connect(str(self.path))
                msg = f"cannot listen on {self.path}: another process listens on it"
                raise ListenError(msg)
        self.path.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int]:
    """What a file is, whatever it is called."""
    found = path.stat()
    return found.st_dev, found.st_ino
