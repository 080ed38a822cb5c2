"""Builds the image from Dockerfile and tries it, without a container engine: ``make image-test``.

Not part of ``make test``: it takes root, mmdebstrap, and Debian's packages from their server.
"""

import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import stack
from tests.image.build import Image, build
from tests.image.container import Container
from tests.image.context import Context
from tests.image.dockerfile import parse

HERE = Path("opt/oip-translator")
ADDRESS = "127.0.0.1:50051"

pytestmark = pytest.mark.timeout(1500)  # a download and an unpacked system, several times


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """What Dockerfile describes."""
    assert os.geteuid() == 0, "a chroot needs root"
    assert shutil.which("mmdebstrap"), "it takes Debian's package mmdebstrap"
    dockerfile = parse((stack.ROOT / "Dockerfile").read_text())
    with tempfile.TemporaryDirectory() as folder:
        yield build(dockerfile, Context(stack.ROOT), Path(folder))


@pytest.fixture
def container(image: Image, tmp_path: Path) -> Iterator[Container]:
    """It, running as it does by itself."""
    with Container(image, tmp_path / "log") as running:
        yield running


def executables(root: Path) -> set[str]:
    folders = ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", HERE / "bin")
    return {path.name for folder in folders for path in (root / folder).iterdir()}


def files(root: Path) -> dict[str, tuple[int, ...]]:
    """All that is there, with what a change would change."""
    return {
        str(path): (status.st_mode, status.st_uid, status.st_size, status.st_mtime_ns)
        for path in root.rglob("*")
        for status in [path.lstat()]
    }


def megabytes(*folders: Path) -> str:
    done = subprocess.run(  # noqa: S603 -- folders of ours
        ["du", "--summarize", "--total", "--block-size=1", *folders],  # noqa: S607 -- of coreutils
        capture_output=True,
        text=True,
        check=True,
    )
    return f"{int(done.stdout.split()[-2]) / 1e6:.0f} MB"


def test_it_translates_read_only_and_without_privileges(container: Container) -> None:
    assert container.healthy().stdout == "0.0.0.0:50051: SERVING\n"
    done = container.run_beside("tests.image.exchange", ADDRESS)
    assert (done.returncode, done.stderr) == (0, "")
    status = Path(f"/proc/{container.pid}/status").read_text()
    facts = dict(re.findall(r"^(\w+):\t(.*)$", status, re.MULTILINE))
    assert facts["Uid"].split() == facts["Gid"].split() == ["65532"] * 4
    assert facts["NSpid"].split()[-1] == "1"
    assert facts["NoNewPrivs"] == "1"
    assert {facts[f"Cap{kind}"] for kind in ("Eff", "Prm", "Inh", "Bnd", "Amb")} == {"0" * 16}


def test_it_writes_no_files(image: Image, tmp_path: Path) -> None:
    before = files(image.root)
    with Container(image, tmp_path / "log") as container:
        done = container.run(["touch", "/tmp/file"])  # noqa: S108 -- open to all, but for the mount
        assert done.stderr.endswith("Read-only file system\n")
        assert container.run_beside("tests.image.exchange", ADDRESS).returncode == 0
    assert files(image.root) == before


def test_it_exits_with_0_on_sigterm(container: Container) -> None:
    os.kill(container.pid, getattr(signal, container.image.stop_signal))
    assert container.server.wait(20) == 0
    log = container.server.log.read_text()
    assert log.splitlines()[-1].endswith("stopped")
    assert "Traceback" not in log


def test_all_extras_and_workers_run(image: Image, tmp_path: Path) -> None:
    variables = {
        "OIP_TRANSLATOR_ADMIN": "127.0.0.1:9090",
        "OIP_TRANSLATOR_TRACING": "true",
        "OIP_TRANSLATOR_WORKERS": "2",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_SDK_DISABLED": "false",
    }
    with Container(image, tmp_path / "log", variables) as container:
        said = container.healthy().stdout
        assert "0.0.0.0:50051: SERVING\n" in said or "0.0.0.0:50052: SERVING\n" in said
        names = "brotli, backports.zstd, opentelemetry.exporter.otlp.proto.http, yaml"
        done = container.run(["python", "-c", f"import {names}"])
        assert (done.returncode, done.stderr) == (0, "")
        page = (
            "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9090/metrics').read())"
        )
        assert "oip_translator_exchanges" in container.run(["python", "-c", page]).stdout


def test_it_has_no_build_or_install_tools(image: Image) -> None:
    tools = {"as", "c++", "cc", "g++", "gcc", "ld", "make", "pip", "pip3", "uv"}
    assert executables(image.root) & tools == set()
    assert "oip-translator" in executables(image.root)
    assert list(image.root.rglob("ensurepip")) == []
    assert [path for path in image.root.rglob("pip*") if "-packages" in str(path)] == []


def test_nothing_is_left_of_the_build(image: Image) -> None:
    for folder in ("tmp", "var/tmp", "root", "var/lib/apt/lists", "var/cache/apt/archives"):
        left = [path for path in (image.root / folder).rglob("*") if path.is_file()]
        assert {path.name for path in left} <= {".bashrc", ".profile", "lock"}
    assert not (image.root / "build").exists()


def test_it_is_compiled_and_belongs_to_root(image: Image) -> None:
    packages = image.root / HERE / "lib"
    sources = [path for path in packages.rglob("*.py") if "-packages" in str(path)]
    assert sources
    for path in sources:
        assert list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")), path
    for path in (image.root / HERE).rglob("*"):
        status = path.lstat()
        assert status.st_uid == status.st_gid == 0
        assert stat.S_ISLNK(status.st_mode) or not status.st_mode & 0o022


def test_its_size(image: Image) -> None:
    root = image.root
    print(f"\nThe whole root: {megabytes(root)}")  # noqa: T201 -- what the run is also for
    print(f"/{HERE}: {megabytes(root / HERE)}")  # noqa: T201 -- see above
    print(f"Debian's Python: {megabytes(*root.glob('usr/lib/python3*'))}")  # noqa: T201 -- see above
