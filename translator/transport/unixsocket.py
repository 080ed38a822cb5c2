"""The file of a unix socket: checked before it is bound, with mode and owner, removed at the end.

gRPC itself would replace any socket at the path, even that of a running server, and create the new
one with the process's umask and owner.
"""

import grp
import os
import pwd
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

from translator.transport.errors import ListenError

_ALL = 0o777
_OWNER = 0o700
_UNCHANGED = -1  # in chown, for a user or group
_LAST_ID = 2**32 - 2


class SocketFile:
    """The file of one socket.

    Args:
        address: ``unix:/path``, ``unix:///path`` or ``unix:path``, with %-escapes, as in gRPC.
    """

    def __init__(self, address: str) -> None:
        self.path = Path(unquote(address.removeprefix("unix:")))
        self._ours: tuple[int, int] | None = None

    @contextmanager
    def bound(self, mode: int, owner: str = "") -> Iterator[None]:
        """A context in which to bind the socket: removes a stale file, and sets mode and owner.

        Until the owner is set, only the user of this process can connect. During the context the
        umask of the process is changed, so no other thread should create files.

        Args:
            mode: the file mode.
            owner: ``user``, ``user:group`` or ``:group``, by name or number; parts that are not
                given are not changed.

        Raises:
            ListenError: the path belongs to a running server or is not a socket, the owner does not
                exist, or this process may not set it.
        """
        try:
            uid, gid = self._ids(owner)
            self._clear()
            before = os.umask(_ALL & ~(mode & _OWNER))
            try:
                yield
            finally:
                os.umask(before)
            self._ours = _identity(self.path)
            # First the group, then the mode, and the user last, because changing a file of another
            # user requires privileges. chmod also corrects the mode if a default ACL of the folder
            # has overridden the umask.
            self._chown(_UNCHANGED, gid, owner)
            self.path.chmod(mode)
            self._chown(uid, _UNCHANGED, owner)
        except OSError as error:
            self.remove()
            if isinstance(error, ListenError):
                raise
            msg = f"cannot listen on {self.path}: {error.strerror or error}"
            raise ListenError(msg) from error

    def remove(self) -> None:
        """Remove the file, unless gRPC has removed it or another process has replaced it."""
        with suppress(FileNotFoundError):
            if self._ours is not None and _identity(self.path) == self._ours:
                self.path.unlink()

    def _ids(self, owner: str) -> tuple[int, int]:
        """The numbers of the user and of the group."""
        user, _, group = owner.partition(":")
        try:
            return (
                _number(user, lambda name: pwd.getpwnam(name).pw_uid, "user"),
                _number(group, lambda name: grp.getgrnam(name).gr_gid, "group"),
            )
        except LookupError as error:
            raise self._cannot_give(owner, str(error)) from error

    def _chown(self, uid: int, gid: int, owner: str) -> None:
        if uid == gid == _UNCHANGED:
            return
        try:
            os.chown(self.path, uid, gid, follow_symlinks=False)
        except OSError as error:
            raise self._cannot_give(owner, str(error.strerror)) from error

    def _cannot_give(self, owner: str, why: str) -> ListenError:
        return ListenError(f"cannot listen on {self.path}: it cannot be given to {owner} ({why})")

    def _clear(self) -> None:
        if not self.path.exists():
            return
        if not stat.S_ISSOCK(self.path.stat().st_mode):
            msg = f"cannot listen on {self.path}: it exists and is not a socket"
            raise ListenError(msg)
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(0)  # a full backlog also shows that a server listens
            with suppress(ConnectionRefusedError):
                with suppress(BlockingIOError):
                    probe.connect(str(self.path))
                msg = f"cannot listen on {self.path}: another process listens on it"
                raise ListenError(msg)
        self.path.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int]:
    """Device and inode of a file."""
    found = path.stat()
    return found.st_dev, found.st_ino


def _number(name: str, find: Callable[[str], int], kind: str) -> int:
    """The number of a user or group. Raises LookupError."""
    if not name:
        return _UNCHANGED
    if name.isdecimal() and int(name) <= _LAST_ID:
        return int(name)
    try:
        return find(name)
    except KeyError:
        msg = f"there is no {kind} {name}"
        raise LookupError(msg) from None
