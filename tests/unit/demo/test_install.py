"""demo/install.sh with a PATH of few real programs and a fake Python."""

import os
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from demo.stack import ROOT

TOOLS = (
    *("awk", "cat", "cksum", "cp", "cut", "date", "df", "dirname", "du", "env", "flock", "grep"),
    *("id", "mkdir", "rm", "sh", "sort", "tail", "touch", "tr"),
)
PYTHON = """\
#!/bin/sh
case "$*" in
--version) echo Python 3.13.5 ;;
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$0" "$3/bin/pip" ;;
"-m pip "*) echo "$@" >>pip.txt; eval "${PIP:-:}" ;;
*"sys, ensurepip;"*) exit "${NO_ENSUREPIP:-0}" ;;
*"sys, sys;"*) exit "${WRONG_VERSION:-0}" ;;
*libgomp*) exit "${NO_LIBGOMP:-0}" ;;
esac
"""
INSTALLING = "Installing collected packages: x"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with a space in its name, and in it what install.sh reads."""
    folder = tmp_path / "a clone"
    for name in ("demo/install.sh", "demo/requirements-mlserver.lock", "pyproject.toml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (programs / tool).symlink_to(found)
    program(folder, "python3", PYTHON)
    return folder


def program(clone: Path, name: str, text: str) -> None:
    path = clone.parent / "bin" / name
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def start(clone: Path, *sets: str, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 -- our own script
        # What runs the tests may ignore Ctrl-C, and a shell could not trap what it ignores.
        ["env", "--default-signal=INT", clone / "demo" / "install.sh", *sets],  # noqa: S607 -- of coreutils
        env={"PATH": str(clone.parent / "bin"), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def install(clone: Path, *sets: str, **variables: str) -> tuple[int, str, str]:
    with start(clone, *sets, **variables) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def installed(clone: Path) -> list[str]:
    """What pip was asked for, one line each time; then it is forgotten."""
    asked = clone / "pip.txt"
    lines = asked.read_text().splitlines() if asked.exists() else []
    asked.unlink(missing_ok=True)
    return [line.split(" --no-compile ")[1] for line in lines]


def refused(clone: Path, *sets: str, **variables: str) -> str:
    """What it says when it refuses before it has touched anything."""
    status, out, err = install(clone, *sets, **variables)
    assert (status, out) == (1, "")
    assert not list(clone.glob(".venv*"))
    return err


def test_an_empty_machine_gets_one_command_for_all_packages(clone: Path) -> None:
    (clone.parent / "bin" / "python3").unlink()
    said = refused(clone, "demo", "mlserver", "test-e2e")
    assert said.count("Python 3.11 to 3.14 is missing") == 1
    assert said.endswith("apt-get install curl libgomp1 python3-venv\n")


@pytest.mark.parametrize(
    ("variable", "sentence", "package"),
    [
        ("NO_ENSUREPIP", "Python 3.13.5 has no venv module", "python3-venv"),
        ("NO_LIBGOMP", "libgomp.so.1 is missing", "libgomp1"),
    ],
)
def test_what_is_missing_is_named_with_its_package(
    clone: Path, variable: str, sentence: str, package: str
) -> None:
    said = refused(clone, "demo", "mlserver", **{variable: "1"})
    assert sentence in said
    assert said.endswith(f"apt-get install {package}\n")


def test_a_too_old_python_is_distinguished_from_none(clone: Path) -> None:
    said = refused(clone, "demo", NO_ENSUREPIP="1", WRONG_VERSION="1")
    assert said.startswith("Python 3.13.5 is not supported: install Python 3.11 to 3.14")


def test_a_lack_of_disk_space_is_reported_before_the_download(clone: Path) -> None:
    program(clone, "df", "#!/bin/sh\necho Avail\necho disk 9 9 102400 9 /\n")
    assert "MB are needed in" in refused(clone, "demo")


def test_an_unknown_set_is_refused(clone: Path) -> None:
    assert refused(clone, "x") == "demo/install.sh: unknown set x\n"


def test_a_set_is_installed_once_and_again_when_its_files_change(clone: Path) -> None:
    status, out, err = install(clone, "demo", "mlserver")
    assert (status, err) == (0, "")
    first, second = out.splitlines()
    assert first.startswith("Installing the translator and Envoy into .venv, 50 MB to download ...")
    assert second.startswith("Installing MLServer with its models into .venv-mlserver")
    assert out.count("MB on the disk") == 2
    assert len(installed(clone)) == 2
    assert install(clone, "demo", "mlserver") == (0, "", "")
    with (clone / "pyproject.toml").open("a") as file:
        file.write("\n")
    install(clone, "demo", "mlserver")
    assert installed(clone) == ["--editable .[demo]"]


def extras() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: dict[str, list[str]] = project["optional-dependencies"]
    return found


def parts(extra: str) -> set[str]:
    """The extras that an extra names, and those that they name."""
    own = (line for line in extras()[extra] if line.startswith("oip-translator["))
    names = {name for line in own for name in line.split("[")[1].rstrip("]").split(",")}
    return names.union(*map(parts, names))


@pytest.mark.parametrize("extra", ["bench", "dev", "lint", "test-e2e"])
def test_a_set_includes_other_sets(clone: Path, extra: str) -> None:
    working = {*parts("dev"), "dev", "fuzz"} - {"compression", "metrics", "tokenizers", "tracing"}
    program(clone, "curl", "")
    assert install(clone, extra)[::2] == (0, "")
    assert len(installed(clone)) == 1
    for name in working & parts(extra):
        install(clone, name)
    assert installed(clone) == []
    stamps = {path.name.removeprefix(".installed-") for path in clone.glob(".venv/.installed-*")}
    assert stamps == working & parts(extra) | {extra}


def test_an_interrupted_installation_is_repeated_in_a_new_environment(clone: Path) -> None:
    os.mkfifo(clone / "begun")
    # Not a shell's sleep: a shell that begins to run a program lets a signal pass.
    waiting = (
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [2]); "
        "open('begun', 'w').close(); signal.sigwait([2]); exit(1)"
    )
    pip = f'echo "{INSTALLING}"; touch .venv/half; exec "$REAL" -c "{waiting}"'
    with start(clone, "demo", PIP=pip, REAL=sys.executable) as process:
        (clone / "begun").read_text()
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped." in err
    assert "Traceback" not in err
    installed(clone)
    assert install(clone, "demo")[0] == 0
    assert installed(clone) == ["--editable .[demo]"]
    assert not (clone / ".venv" / "half").exists()


@pytest.mark.parametrize("signs", ["", INSTALLING])
def test_an_environment_survives_a_failure_that_did_not_touch_it(clone: Path, signs: str) -> None:
    install(clone, "demo")
    assert install(clone, "test-unit", PIP=f'echo "{signs}"; false')[0] == 1
    installed(clone)
    install(clone, "demo")
    assert installed(clone) == (["--editable .[demo]"] if signs else [])


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "The disk is full: "),
        ("WARNING: Retrying after NewConnectionError(x)", "Cannot connect to the package index."),
        ("ERROR: no such version\nbye", "ERROR: no such version"),
        ("bye", "bye"),
    ],
    ids=["disk", "network", "error", "other"],
)
def test_a_failure_is_one_sentence_and_the_name_of_the_log(
    clone: Path, output: str, sentence: str
) -> None:
    status, out, err = install(clone, "demo", PIP=f'echo "{output}"; exit 2')
    assert status == 1
    assert out.endswith("... failed\n")
    reason, log = err.splitlines()
    assert reason.startswith(sentence)
    assert log == "Log: .venv/install-demo.log"
    assert output in (clone / ".venv" / "install-demo.log").read_text()


def test_a_moved_environment_is_created_again(clone: Path) -> None:
    install(clone, "demo")
    installed(clone)
    moved = clone.rename(clone.parent / "moved")
    install(moved, "demo")
    assert installed(moved) == ["--editable .[demo]"]


def test_two_at_once_wait_for_each_other(clone: Path) -> None:
    os.mkfifo(clone / "begun")
    os.mkfifo(clone / "go")
    with start(clone, "demo", PIP="echo >begun; cat go") as first:
        (clone / "begun").read_text()
        with start(clone, "demo") as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "Waiting for another installation to finish.\n"
            (clone / "go").write_text("")
        first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(installed(clone)) == 1
