"""Runs a command that may change no file: ``python confined.py COMMAND...``.

Landlock refuses it every change of any file system, as a read-only one would; only what was open
before can be written to. A kernel without Landlock (before Linux 5.13) confines nothing.
"""

import ctypes
import errno
import os
import struct
import sys
import tempfile

# <linux/landlock.h>, <linux/prctl.h>, and the numbers of system calls that are the same everywhere.
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_NO_NEW_PRIVILEGES = 38
_WRITE_FILE = 1 << 1
_REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
_NOT_THERE = frozenset({errno.ENOSYS, errno.EOPNOTSUPP})


def confine() -> None:
    """From here on this process, and what it becomes, changes no file. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    handled = struct.pack("Q", _WRITE_FILE | _REMOVE_AND_MAKE)
    ruleset = libc.syscall(_CREATE_RULESET, handled, len(handled), 0)
    if ruleset < 0 and ctypes.get_errno() in _NOT_THERE:
        return
    _check(ruleset)
    _check(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _check(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)
    try:
        tempfile.TemporaryFile(dir="/dev/shm").close()  # everybody may, if anybody
    except PermissionError:
        return
    sys.exit("Landlock confines nothing")


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    confine()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 -- what a test gives
