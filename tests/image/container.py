"""Runs an image as a container engine would: namespaces of its own, and no more than it needs.

The root is read-only, /tmp and all, and the process is the first of its own, with the image's
user, no capability and no way to gain one. Its network is a loopback interface of its own.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from demo import stack
from tests.image.build import Image

_START = """
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount -t proc proc "$1/proc"
ip link set lo up
root=$1
shift
exec chroot "$root" "$@"
"""


class Container:
    """A running image; a context.

    Args:
        image: what to run.
        log: takes its output.
        variables: more of them.
        arguments: in place of the image's command.
    """

    def __init__(
        self,
        image: Image,
        log: Path,
        variables: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self.image = image
        self._variables = {**image.environment, **(variables or {})}
        unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
        program = self._confined([*image.entrypoint, *(arguments or image.command)])
        self.server = stack.Server(
            "The container",
            [*unshare, "sh", "-ec", _START, "sh", image.root, *program],
            log=log,
            ready=lambda: bool(self._children()) and self.healthy().returncode == 0,
        )

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self.server.poll() is None:
            os.kill(self.pid, signal.SIGTERM)  # unshare passes none on
        self.server.stop()

    @property
    def pid(self) -> int:
        """The number of its first process, outside of it."""
        (first,) = self._children()
        return int(first)

    def healthy(self) -> subprocess.CompletedProcess[str]:
        """Run the image's HEALTHCHECK in it."""
        return self.run(self.image.health)

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as its process runs."""
        return self._enter(["--mount", "--pid", "--net", "--root", "--wd"], self._confined(command))

    def run_beside(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of our modules on the host, but in the container's network."""
        return self._enter(["--net"], [sys.executable, "-m", module, *arguments])

    def _children(self) -> list[str]:
        outer = self.server.pid
        return Path(f"/proc/{outer}/task/{outer}/children").read_text().split()

    def _enter(
        self, namespaces: Sequence[str], command: Sequence[str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 -- commands of ours
            ["nsenter", f"--target={self.pid}", *namespaces, *command],  # noqa: S607 -- of util-linux
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=stack.ROOT,
        )

    def _confined(self, command: Sequence[str]) -> list[str]:
        user, _, group = self.image.user.partition(":")
        return [
            *("env", "-i", f"--chdir={self.image.folder}"),
            *(f"{name}={value}" for name, value in self._variables.items()),
            *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"),
            *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
            *command,
        ]
