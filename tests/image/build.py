"""Builds the image of a Dockerfile as a folder, without a container engine.

The base is made from Debian's packages by mmdebstrap, as Debian's own images are. Each instruction
then does what an engine would have it do: RUN in a chroot with processes and mounts of its own. It
needs root. What is not an engine's: a host that reaches its package index by settings of pip or a
certificate authority of its own passes them on to the build, as engines pass on proxies.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from tests.image.context import Context
from tests.image.dockerfile import Dockerfile, DockerfileError, Instruction, Stage, expand

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PIP_CONFIG = Path("/etc/pip.conf")
_AUTHORITY = "tmp/authority.pem"
_FROM_HOST = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL")
_BASE = re.compile(r"docker\.io/library/debian:([a-z]+)-slim(@sha256:[0-9a-f]{64})?")


@dataclass
class Image:
    """A folder with a system in it, and how to run it.

    Attributes:
        root: the folder.
        environment: the variables of every process.
        user: ``uid:gid``.
    """

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    user: str = "0:0"
    folder: str = "/"
    labels: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    stop_signal: str = ""


def build(dockerfile: Dockerfile, context: Context, work: Path) -> Image:
    """Build all stages, one after the other; give the last.

    Args:
        dockerfile: what to do.
        context: where COPY finds files.
        work: an empty folder for the roots.
    """
    images: dict[str, Image] = {}
    for number, stage in enumerate(dockerfile.stages):
        root = work / str(number)
        if stage.base in images:
            image = _copied(images[stage.base], root)
        else:
            image = Image(root)
            debian(stage.base, root)
        images[stage.name] = _Builder(image, images, context)(stage)
    return image


def debian(base: str, root: Path) -> None:
    """Make what a slim image of Debian has: the essential packages and apt, without documents."""
    match = _BASE.fullmatch(base)
    if match is None:
        raise DockerfileError(f"there is no stand-in for {base}")
    left_out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
    command = ["mmdebstrap", "--quiet", "--variant=minbase", *left_out, match[1], str(root)]
    subprocess.run(command, check=True)  # noqa: S603 -- a fixed command line


@contextmanager
def package_index(root: Path) -> Iterator[dict[str, str]]:
    """The variables by which a process in a root reaches package indexes as the host does.

    Args:
        root: where files that they need are, as long as the context lasts.
    """
    variables = {name: os.environ[name] for name in _FROM_HOST if name in os.environ}
    with ExitStack() as files:
        if "PIP_CERT" in os.environ:
            files.enter_context(_lent(Path(os.environ["PIP_CERT"]), root / _AUTHORITY))
            variables["PIP_CERT"] = f"/{_AUTHORITY}"
        if _PIP_CONFIG.exists():
            files.enter_context(_lent(_PIP_CONFIG, root / str(_PIP_CONFIG)[1:]))
        yield variables


@contextmanager
def _lent(source: Path, target: Path) -> Iterator[None]:
    shutil.copy(source, target)
    try:
        yield
    finally:
        target.unlink()


def _copied(image: Image, root: Path) -> Image:
    subprocess.run(["cp", "--archive", "--reflink=auto", image.root, root], check=True)  # noqa: S603, S607 -- two folders of ours
    return replace(image, root=root, environment=dict(image.environment), labels=dict(image.labels))


class _Builder:
    """Does the instructions of one stage."""

    def __init__(self, image: Image, images: dict[str, Image], context: Context) -> None:
        self._image = image
        self._images = images
        self._context = context
        self._arguments: dict[str, str] = {}

    def __call__(self, stage: Stage) -> Image:
        for instruction in stage.instructions:
            getattr(self, f"_{instruction.keyword.lower()}")(instruction)
        return self._image

    def _expanded(self, instruction: Instruction) -> Instruction:
        values = {**self._arguments, **self._image.environment}
        return replace(instruction, text=expand(instruction.text, values))

    def _arg(self, instruction: Instruction) -> None:
        self._arguments |= self._expanded(instruction).pairs()

    def _env(self, instruction: Instruction) -> None:
        self._image.environment |= self._expanded(instruction).pairs()

    def _label(self, instruction: Instruction) -> None:
        self._image.labels |= self._expanded(instruction).pairs()

    def _user(self, instruction: Instruction) -> None:
        self._image.user = instruction.text

    def _workdir(self, instruction: Instruction) -> None:
        self._image.folder = instruction.text
        self._inside(instruction.text).mkdir(parents=True, exist_ok=True)

    def _expose(self, instruction: Instruction) -> None:
        """It only tells people."""

    def _stopsignal(self, instruction: Instruction) -> None:
        self._image.stop_signal = instruction.text

    def _healthcheck(self, instruction: Instruction) -> None:
        command = replace(instruction, text=instruction.text.removeprefix("CMD").strip())
        self._image.health = _words(command)

    def _entrypoint(self, instruction: Instruction) -> None:
        self._image.entrypoint = _words(instruction)

    def _cmd(self, instruction: Instruction) -> None:
        self._image.command = _words(instruction)

    def _copy(self, instruction: Instruction) -> None:
        *sources, target = instruction.text.split()
        if set(instruction.flags) - {"from"}:
            raise DockerfileError(f"COPY {instruction.text} has unknown flags")
        if "from" in instruction.flags:
            (source,) = sources
            self._copy_folder(self._images[instruction.flags["from"]].root / source[1:], target)
        for source in [] if "from" in instruction.flags else sources:
            self._copy_from_context(source, target)

    def _copy_folder(self, source: Path, target: str) -> None:
        shutil.copytree(source, self._inside(target), symlinks=True, dirs_exist_ok=True)

    def _copy_from_context(self, source: str, target: str) -> None:
        """A file into a folder, or what is in a folder."""
        folder = self._inside(target)
        start = source if (self._context.folder / source).is_dir() else "."
        names = list(self._context.files(source))
        if not names:
            raise DockerfileError(f"COPY: .dockerignore leaves nothing of {source}")
        for name in names:
            place = folder / PurePosixPath(name).relative_to(start)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._context.folder / name, place)
            os.chown(place, 0, 0)

    def _run(self, instruction: Instruction) -> None:
        environment = {"HOME": "/root", **self._arguments, **self._image.environment}
        user, _, group = self._image.user.partition(":")
        confined = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        place = [f"--root={self._image.root}", f"--wd={self._image.folder}"]
        who = [f"--setuid={user}", f"--setgid={group}"]
        shell = ["/bin/sh", "-c", instruction.text]
        with package_index(self._image.root) as access:
            subprocess.run(  # noqa: S603 -- of our Dockerfile
                [*confined, *place, *who, *shell], check=True, env={**environment, **access}
            )

    def _inside(self, path: str) -> Path:
        """A path of the image, as one of the host."""
        return self._image.root / str(PurePosixPath(self._image.folder, path))[1:]


def _words(instruction: Instruction) -> list[str]:
    words = instruction.exec_form
    if words is None:
        raise DockerfileError(f"{instruction.keyword} needs a shell")
    return words
