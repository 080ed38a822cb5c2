"""Locked versions match the requirements, and each has its hashes."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from demo import stack

PROJECT = tomllib.loads((stack.ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
SHIPPED = ["compression", "metrics", "tracing", "yaml"]
NEEDED = {
    "requirements.lock": [
        *PROJECT["project"]["dependencies"],
        *(requirement for extra in SHIPPED for requirement in EXTRAS[extra]),
    ],
    "requirements-build.lock": PROJECT["build-system"]["requires"],
}
MLSERVER = stack.ROOT / "demo" / "requirements-mlserver.txt"


def locked(name: str) -> dict[str, tuple[Version, list[str]]]:
    """The version and the hashes of each package."""
    text = (stack.ROOT / name).read_text().replace("\\\n", " ")
    found: dict[str, tuple[Version, list[str]]] = {}
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            match = re.fullmatch(r"([\w.-]+)==(\S+)(?: ; [^-]+)?((?: +--hash=\S+)+) *", line)
            assert match is not None, line
            hashes = [word.removeprefix("--hash=") for word in match[3].split()]
            found[canonicalize_name(match[1])] = (Version(match[2]), hashes)
    return found


@pytest.mark.parametrize("name", NEEDED)
def test_requirements_are_locked_in_matching_versions(name: str) -> None:
    versions = locked(name)
    for requirement in map(Requirement, NEEDED[name]):
        version, _ = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement}: run `make lock`"


@pytest.mark.parametrize("name", NEEDED)
def test_every_package_has_its_hashes(name: str) -> None:
    for package, (_, hashes) in locked(name).items():
        assert hashes, package
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes)


def test_every_extra_of_a_serving_process_is_shipped() -> None:
    working = {"bench", "demo", "dev", "fuzz", "lint", "lock", "test-e2e", "test-unit"}
    assert set(SHIPPED) == set(EXTRAS) - working - {"tokenizers"}  # which docs/deployment.md adds


def test_the_extras_that_are_shipped_are_those_that_are_locked() -> None:
    script = (stack.ROOT / "tests" / "image" / "lock.sh").read_text()
    assert re.findall(r"--extra (\w+)", script) == SHIPPED


def test_the_model_server_is_locked_in_the_versions_that_are_asked_for() -> None:
    asked = [line for line in MLSERVER.read_text().splitlines() if not line.startswith("#")]
    assert set(asked) <= set(MLSERVER.with_suffix(".lock").read_text().splitlines())
