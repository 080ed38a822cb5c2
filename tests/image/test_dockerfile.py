"""The rules of the Dockerfile."""

import re
import tomllib
from pathlib import Path

import pytest

from demo import stack
from tests.image.context import Context
from tests.image.dockerfile import Dockerfile, DockerfileError, Instruction, Stage, parse
from translator.settings.values import Address

TEXT = (stack.ROOT / "Dockerfile").read_text()
DOCKERFILE = parse(TEXT)
FINAL = DOCKERFILE.stages[-1]
NAMED = {stage.name: stage for stage in DOCKERFILE.stages[:-1]}
PROJECT = tomllib.loads((stack.ROOT / "pyproject.toml").read_text())["project"]


def shipped(dockerfile: Dockerfile) -> list[Stage]:
    """The last stage and those it is made from: what is done there is in the image."""
    found = [dockerfile.stages[-1]]
    while found[-1].base in NAMED:
        found.append(NAMED[found[-1].base])
    return found


SHIPPED = shipped(DOCKERFILE)
RUNS = [run.text for stage in DOCKERFILE.stages for run in stage.all("RUN")]


def copied(stage: Stage) -> list[str]:
    """What a stage takes from the folder with the Dockerfile."""
    copies = [copy for copy in stage.all("COPY") if "from" not in copy.flags]
    return [source for copy in copies for source in copy.text.split()[:-1]]


def test_every_base_is_a_stage_or_a_release_that_can_be_pinned_to_a_digest() -> None:
    assert DOCKERFILE.arguments["DIGEST"] == ""
    (line,) = [line for line in TEXT.splitlines() if line.startswith("FROM ${")]
    assert line.startswith("FROM ${DEBIAN}${DIGEST} AS ")
    others = {stage.base for stage in DOCKERFILE.stages} - set(NAMED)
    assert others == {DOCKERFILE.arguments["DEBIAN"]}
    for base in others:
        assert re.fullmatch(r"docker\.io/library/\w+:\w+-slim", base)
        assert "latest" not in base


def test_it_runs_as_a_numbered_user_that_is_not_root() -> None:
    user = FINAL.only("USER").text
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    after = FINAL.instructions[FINAL.instructions.index(FINAL.only("USER")) :]
    assert not {each.keyword for each in after} & {"RUN", "COPY"}


def test_what_is_copied_into_it_stays_roots_and_comes_from_the_build() -> None:
    copies = [copy for stage in SHIPPED for copy in stage.all("COPY")]
    assert [copy.flags for copy in copies] == [{"from": "build"}]


def test_it_starts_and_stops_without_a_shell() -> None:
    assert FINAL.only("ENTRYPOINT").exec_form == ["oip-translator"]
    assert FINAL.only("CMD").exec_form == ["serve"]
    assert FINAL.only("STOPSIGNAL").text == "SIGTERM"
    assert FINAL.only("WORKDIR").text == "/"


def test_its_healthcheck_is_the_health_command() -> None:
    health = FINAL.only("HEALTHCHECK")
    command = Instruction("CMD", {}, health.text.removeprefix("CMD").strip())
    assert command.exec_form == ["oip-translator", "health"]
    assert set(health.flags) == {"interval", "timeout", "start-period", "retries"}
    assert int(health.flags["timeout"].removesuffix("s")) > 2, "longer than the command's own"


def test_the_exposed_port_is_the_listening_port() -> None:
    listen = Address.parse(FINAL.only("ENV").pairs()["OIP_TRANSLATOR_LISTEN"])
    assert listen == f"0.0.0.0:{FINAL.only('EXPOSE').text}"


def test_python_does_not_try_to_write() -> None:
    assert FINAL.only("ENV").pairs()["PYTHONDONTWRITEBYTECODE"] == "1"
    assert any("compileall -q --invalidation-mode unchecked-hash" in run for run in RUNS)


def test_its_labels_match_the_project() -> None:
    labels = FINAL.only("LABEL").pairs()
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}title"] == PROJECT["name"]
    assert labels[f"{prefix}description"] == PROJECT["description"]
    assert labels[f"{prefix}version"] == PROJECT["version"]
    assert labels[f"{prefix}licenses"] == PROJECT["license"]
    assert all(name.startswith(prefix) for name in labels)


@pytest.mark.parametrize("run", [run for run in RUNS if "apt-get" in run])
def test_packages_of_debian_are_current_and_no_more_than_asked_for(run: str) -> None:
    commands = [command.split() for command in run.split("&&")]
    assert commands[0] == ["apt-get", "update"]
    (install,) = [words for words in commands if words[:2] == ["apt-get", "install"]]
    assert {"--yes", "--no-install-recommends"} <= set(install)


def test_nothing_that_builds_or_installs_is_shipped() -> None:
    runs = " ".join(run.text for stage in SHIPPED for run in stage.all("RUN"))
    assert not re.search(r"\b(pip|venv|gcc|build-essential|python3-dev|curl|wget)\b", runs)
    for stage in SHIPPED:
        for run in stage.all("RUN"):
            assert "rm -rf /var/lib/apt/lists/*" in run.text


@pytest.mark.parametrize("run", [run for run in RUNS if ".lock" in run])
def test_locked_packages_are_installed_as_locked(run: str) -> None:
    for command in re.split(r"&&|(?<=\.lock)", run):
        if "requirements" in command:
            for flag in ("--require-hashes", "--no-deps", "--only-binary :all:"):
                assert flag in command


def test_no_variable_is_set_for_the_build_only() -> None:
    for stage in SHIPPED:
        for each in stage.all("ENV"):
            assert not {name for name in each.pairs() if name.startswith(("DEBIAN", "PIP"))}


def test_the_build_sees_what_it_needs_and_nothing_else() -> None:
    context = Context(stack.ROOT)
    needed = [source for stage in DOCKERFILE.stages for source in copied(stage)]
    seen = {name for source in needed for name in context.files(source)}
    for source in needed:
        assert any(name == source or name.startswith(f"{source}/") for name in seen), source
    assert {path.name for path in stack.ROOT.iterdir() if context.sees(path.name)} == set(needed)
    assert "translator/py.typed" in seen
    assert not [name for name in seen if "__pycache__" in name or name.startswith(".")]


def test_the_last_ignore_rule_counts(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("# all\n*\n\n!a\na/x*\n!a/x/y\n**/z\n")
    context = Context(tmp_path)
    names = ["b", "a", "a/b/c", "a/xx", "a/x/y", "a/x/y/c", "a/x/y/z", "a/q/z/r", "z"]
    assert [name for name in names if context.sees(name)] == ["a", "a/b/c", "a/x/y", "a/x/y/c"]


def test_a_dockerfile_is_read() -> None:
    found = parse(
        "# a comment\nARG V=1\nFROM debian:${V} AS base\nRUN a \\\n    # not this\n    && b\n"
        'FROM base\nCOPY --from=base --chown=1:2 /x /y\nENV A=b C="d e"\nCMD ["f", "g"]\n'
    )
    base, final = found.stages
    assert (base.base, base.name, final.base, final.name) == ("debian:1", "base", "base", "")
    assert base.only("RUN").text.split() == ["a", "&&", "b"]
    assert final.only("COPY") == Instruction("COPY", {"from": "base", "chown": "1:2"}, "/x /y")
    assert final.only("ENV").pairs() == {"A": "b", "C": "d e"}
    assert final.only("CMD").exec_form == ["f", "g"]
    assert base.only("RUN").exec_form is None


@pytest.mark.parametrize(
    "text",
    [
        "ADD x /",
        "FROM a\nADD x /",
        "RUN x",
        "FROM ${A}",
        "FROM --platform=x a",
        "FROM a\nVOLUME /x",
    ],
)
def test_what_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(DockerfileError):
        parse(text)
