"""The tests in this folder reach every line and every branch of translator/transport/h2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.timeout(600)  # it runs all the others
def test_every_line_and_every_branch_is_reached(tmp_path: Path) -> None:
    environment = os.environ | {"COVERAGE_FILE": str(tmp_path / "coverage")}

    def coverage(*arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 -- our own tests
            [sys.executable, "-m", "coverage", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE), f"--ignore={__file__}"]
    coverage("run", "--branch", "--source=translator/transport/h2", *tests)
    coverage("report", "--show-missing", "--skip-covered", "--fail-under=100")
