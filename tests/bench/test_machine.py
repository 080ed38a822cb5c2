"""The description of the machine and the software."""

from importlib import metadata
from pathlib import Path

import pytest

from bench import machine, peers


def test_versions_are_those_of_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "bin" / "python")
    found = machine.describe()
    assert found["peers"] == {}
    packages = found["packages"]
    assert isinstance(packages, dict)
    assert packages["msgspec"] == metadata.version("msgspec")
    assert {"grpcio", "hpack", "msgspec", "protobuf"} <= packages.keys()
    monkeypatch.setattr(machine, "_PACKAGES", ("not-there",))
    assert machine.describe()["packages"] == {}


def test_versions_of_peers_are_those_of_their_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "bin" / "python")
    for name in ("LiteLLM", "unheard_of"):
        about = tmp_path / "lib" / "python3.11" / "site-packages" / f"{name}-1.2.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Name: {name}\nVersion: 1.2\n")
    assert machine.describe()["peers"] == {"litellm": "1.2"}
