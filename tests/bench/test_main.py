"""The output, files and exit status of the command, with suites for these tests."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import load, machine, margins, peers, suites
from bench.__main__ import main
from bench.plan import FULL, SMOKE, USUAL, Plan
from bench.results import BenchError, Progress, Result
from tests.bench.results import MACHINE, result


class Good:
    """A suite that gives one result, and remembers what it was asked."""

    NAME = "good"

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.folder = Path()

    def measure(self, plan: Plan, folder: Path, progress: Progress) -> Iterator[Result]:
        progress("measuring")
        self.plans.append(plan)
        self.folder = folder
        yield result("filter", 1, rps=100)


class Bad:
    """One that breaks down after its first result."""

    NAME = "bad"

    def measure(self, _plan: Plan, _folder: Path, _progress: Progress) -> Iterator[Result]:
        yield result("filter", 1, rps=1)
        raise BenchError("it broke down")


class Empty:
    """One that has nothing of the names that were asked for."""

    NAME = "empty"

    def measure(self, _plan: Plan, _folder: Path, _progress: Progress) -> Iterator[Result]:
        return iter(())


@pytest.fixture
def good(monkeypatch: pytest.MonkeyPatch) -> Good:
    suite = Good()
    monkeypatch.setattr(suites, "SUITES", {"good": suite, "bad": Bad(), "empty": Empty()})
    monkeypatch.setattr(suites, "USUAL", ["good"])
    monkeypatch.setattr(margins, "SUITES", ["good"])
    monkeypatch.setattr(load, "installed", lambda: True)
    monkeypatch.setattr(machine, "describe", lambda: MACHINE)
    monkeypatch.setattr(peers, "PEERS", ())
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process's handlers stay pytest's
    return suite


def test_the_usual_suites_are_measured_and_printed(
    good: Good, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 0
    assert good.plans == [USUAL]
    assert not good.folder.exists()
    out, err = capsys.readouterr()
    assert "requests/s  100" in out
    assert err == ""


def test_tables_of_results_are_printed_without_measuring(
    good: Good, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "results.json"
    assert main([f"--json={file}"]) == 0
    measured = capsys.readouterr().out
    good.plans.clear()
    assert main([f"--tables={file}"]) == 0
    assert capsys.readouterr().out == measured
    assert not good.plans


def test_a_failed_suite_does_not_discard_the_others(
    good: Good, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "results.json"
    assert main(["--full", f"--json={file}"]) == 1
    assert good.plans == [FULL]
    assert [*json.loads(file.read_text())] == ["good"]
    err = capsys.readouterr().err
    assert err.startswith("it broke down\nConfigurations and logs are in ")
    assert good.folder.exists()
    good.folder.rmdir()


def test_an_unknown_name_is_a_failure(
    good: Good, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "results.json"
    assert main(["--suite=empty", "--scenario=typo", f"--json={file}"]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "Nothing to measure has such a name.\n")
    assert not file.exists()
    assert main(["--suite=empty", "--suite=good"]) == 0
    assert good.plans


def test_only_suites_that_need_wrk_require_it(
    good: Good, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "installed", lambda: False)
    monkeypatch.setattr(suites, "WITH_WRK", {"bad"})
    assert main(["--suite=good"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["--suite=good", "--suite=bad"]) == 2
    assert capsys.readouterr().err == f"{load.HOW_TO_GET_WRK}\n"
    assert len(good.plans) == 1


def test_options_override_the_plan(good: Good) -> None:
    more = ["--rounds=7", "--seconds=2", "--scenario=a", "--scenario=b", "--contender=filter"]
    assert main(["--suite=good", *more]) == 0
    (plan,) = good.plans
    assert (plan.rounds, plan.seconds, plan.share) == (7, 2, USUAL.share)
    assert (plan.scenarios, plan.contenders) == (["a", "b"], ["filter"])


def test_smoke_checks_the_margins(good: Good, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--smoke"]) == 1
    (plan,) = good.plans
    assert (plan.rounds, plan.seconds) == (SMOKE.rounds, SMOKE.seconds)
    assert "was not measured." in capsys.readouterr().err


def test_peers_that_are_not_installed_are_named(
    good: Good, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = [SimpleNamespace(name=name, installed=lambda: False) for name in ("One", "Two")]
    monkeypatch.setattr(peers, "PEERS", absent)
    assert main(["--suite=good"]) == 0
    assert good.plans
    assert capsys.readouterr().err == "Without One, Two: to install them, make peers.\n"


@pytest.mark.parametrize("option", ["--rounds=0", "--seconds=x", "--suite=none"])
def test_invalid_options_are_refused(option: str, good: Good) -> None:
    with pytest.raises(SystemExit) as ended:
        main([option])
    assert ended.value.code == 2
    assert not good.plans
