"""Envoy accepts the configurations in envoy/."""

from pathlib import Path
from subprocess import run

import pytest

from demo.stack import ROOT, envoy_binary

CONFIGS = sorted((ROOT / "envoy").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_envoy_validates(path: Path) -> None:
    argv = [str(envoy_binary()), "--mode", "validate", "--use-dynamic-base-id", "-c", str(path)]
    done = run(argv, capture_output=True, text=True, check=False)  # noqa: S603 -- our own binary
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr.lower()
