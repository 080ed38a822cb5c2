"""The benchmark as a command: a short run without wrk, and its error messages."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.contenders import FILTERS, NOOP
from demo import stack


def bench(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run it where there is no wrk."""
    return subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-m", "bench", *options],
        cwd=stack.ROOT,
        env={**os.environ, "PATH": str(folder), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_wrk_it_says_how_to_install_it(tmp_path: Path) -> None:
    result = bench(tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "apt-get install wrk" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_suite_that_needs_no_wrk_is_measured_without(tmp_path: Path) -> None:
    result = bench(tmp_path, "--suite=translation", "--scenario=event of", "--rounds=1")
    assert result.returncode == 0
    assert "event of a stream  time, us/call" in result.stdout


def test_an_unknown_name_is_a_failure(tmp_path: Path) -> None:
    result = bench(tmp_path, "--suite=streams", "--contender=nope")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == "Nothing to measure has such a name.\n"
    assert not [*tmp_path.iterdir()]


def test_a_short_run_measures_only_the_selected_contenders(tmp_path: Path) -> None:
    scenario = "chat 200 B, 1 connection"
    file = tmp_path / "results.json"
    options = ["--smoke", "--rounds=1", f"--scenario={scenario}", f"--json={file}", "--markdown"]
    result = bench(tmp_path, *options)
    assert result.returncode == 1  # for what the margins are about was not measured
    assert "image 1 MB: Python CPU of filter / no-op was not measured." in result.stderr
    unary = json.loads(file.read_text())["unary"]
    assert {one["contender"] for one in unary["results"]} == {*FILTERS, NOOP}
    for one in unary["results"]:
        assert (one["scenario"], one["round"]) == (scenario, 1)
        assert one["metrics"].keys() == unary["metrics"].keys()
        assert all(value > 0 for value in one["metrics"].values())
    assert f"| {scenario} | requests/s | " in result.stdout
    assert "|  | Python CPU | " in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
