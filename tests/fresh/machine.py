"""A machine that has just been installed: a root of Debian's packages, and an ordinary user in it.

The user has no home, no locale and no compiler, and the clone a space in its path.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo import stack
from tests.image.build import debian, package_index

USER = "1000:1000"
_CLONE = "srv/a clone"
_ENTER = """
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
root=$1 user=$2 folder=$3
shift 3
exec env --default-signal=INT chroot --userspec="$user" "$root" \
    sh -c 'cd "$1" && shift && "$@"' sh "/$folder" "$@"
"""


@dataclass
class Machine:
    """A root to run commands in. What they start ends with them.

    Attributes:
        root: its folder.
        variables: by which it reaches package indexes.
    """

    root: Path
    variables: dict[str, str]

    @property
    def clone(self) -> Path:
        """The project in it, as one of the host's folders."""
        return self.root / _CLONE

    def start(self, *command: str, user: str = USER) -> "subprocess.Popen[str]":
        """Start a command in the clone, in a session of its own; its output is one text."""
        environment = {
            "DEBIAN_FRONTEND": "noninteractive",
            "HOME": "/nonexistent",
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            **self.variables,
        }
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return subprocess.Popen(  # noqa: S603 -- commands of ours
            [*unshare, "sh", "-ec", _ENTER, "sh", self.root, user, _CLONE, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, user: str = USER, timeout: float = 300) -> tuple[int, str]:
        """Run a command; give its status and output."""
        with ended(self.start(*command, user=user)) as process:
            output, _ = process.communicate(timeout=timeout)
        return process.returncode, output

    def install(self, packages: Sequence[str]) -> None:
        """Install packages of Debian, with what they recommend."""
        status, output = self.run("apt-get", "install", "--yes", *packages, user="0:0")
        assert status == 0, output


@contextmanager
def ended(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    """A process that has ended when the context has."""
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@contextmanager
def machine(suite: str, root: Path) -> Iterator[Machine]:
    """Make a machine with a clone of this repository; remove it at the end.

    Args:
        suite: a release of Debian.
        root: a folder that is not there.
    """
    try:
        debian(f"docker.io/library/debian:{suite}-slim", root)
        # An installer or a container engine writes this one.
        (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        with package_index(root) as variables:
            made = Machine(root, variables)
            clone = ["git", "clone", "--quiet", "--no-hardlinks", str(stack.ROOT), str(made.clone)]
            subprocess.run(clone, check=True)  # noqa: S603 -- folders of ours
            subprocess.run(["chown", "--recursive", USER, made.clone], check=True)  # noqa: S603, S607 -- see above
            for command in ("useradd --uid=1000 --no-create-home user", "apt-get update"):
                status, output = made.run(*command.split(), user="0:0")
                assert status == 0, output
            yield made
    finally:
        shutil.rmtree(root, ignore_errors=True)
