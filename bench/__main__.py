"""Measure the cost of the filter: against Envoy alone, a no-op filter and other proxies."""

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import load, machine, margins, peers, plan, publish, report, suites
from bench.plan import Plan
from bench.report import Measured
from bench.results import BenchError, Result
from demo import stack


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark. Returns the exit status: 1 if it failed, 2 if it could not start."""
    given = _parser().parse_args(argv)
    if given.tables:
        known = report.read(json.loads(given.tables.read_text()))
        sys.stdout.write("\n".join(_shown(given)(*suite) for suite in known))
        return 0
    return _measure(given)


def _shown(given: argparse.Namespace) -> Callable[[Measured, Mapping[str, Any], Plan], str]:
    return report.markdown if given.markdown else report.text


def _measure(given: argparse.Namespace) -> int:
    if missing := _missing(given):
        sys.stderr.write(f"{missing}\n")
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="oip-translator-bench-"))
    chosen, surroundings = _plan(given), machine.describe()
    measured: dict[str, Sequence[Result]] = {}
    failures = []
    try:
        for name in _suites(given):
            results = list(suites.SUITES[name].measure(chosen, folder, _progress))
            if results:
                measured[name] = results
    except (stack.StackError, BenchError) as error:  # the results of earlier suites are kept
        failures += [str(error), f"Configurations and logs are in {folder}."]
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        return 130
    else:
        shutil.rmtree(folder)
    _progress("")
    if measured:
        sys.stdout.write(_shown(given)(measured, surroundings, chosen))
        _keep(given, measured, surroundings, chosen)
    elif not failures:
        failures.append("Nothing to measure has such a name.")
    if given.smoke:
        failures += margins.exceeded(measured)
    sys.stderr.writelines(f"{failure}\n" for failure in failures)
    return 1 if failures else 0


def _keep(
    given: argparse.Namespace, measured: Measured, surroundings: Mapping[str, Any], chosen: Plan
) -> None:
    if given.json:
        given.json.write_text(report.dump(report.document(measured, surroundings, chosen)))
    if given.write:
        publish.write(measured, surroundings, chosen, given.write)
    absent = [peer.name for peer in peers.PEERS if not peer.installed()]
    if absent and not given.smoke:
        sys.stderr.write(f"Without {', '.join(absent)}: to install them, {peers.HOW_TO_GET}.\n")


def _progress(words: str) -> None:
    # Only on a terminal, where each step overwrites the last.
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{words}")
        sys.stderr.flush()


def _missing(given: argparse.Namespace) -> str | None:
    """The message about a missing program or package; None if there is all."""
    needed = not given.smoke and not suites.WITH_WRK.isdisjoint(_suites(given))
    if needed and not load.installed():
        return load.HOW_TO_GET_WRK
    return None


def _suites(given: argparse.Namespace) -> Sequence[str]:
    usual = margins.SUITES if given.smoke else list(suites.SUITES) if given.full else suites.USUAL
    return given.suite or usual


def _plan(given: argparse.Namespace) -> Plan:
    chosen = margins.PLAN if given.smoke else plan.FULL if given.full else plan.USUAL
    return replace(
        chosen,
        rounds=given.rounds or chosen.rounds,
        seconds=given.seconds or chosen.seconds,
        scenarios=given.scenario or chosen.scenarios,
        contenders=given.contender or chosen.contenders,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="all suites, all scenarios, longer turns")
    size.add_argument(
        "--smoke", action="store_true", help="half a minute; 1 if something is very much worse"
    )
    parser.add_argument("--suite", action="append", choices=suites.SUITES, help="only this one")
    parser.add_argument("--scenario", action="append", help="only those with this in their names")
    parser.add_argument("--contender", action="append", help="only this one")
    parser.add_argument("--rounds", type=_positive, help="turns of each contender")
    parser.add_argument("--seconds", type=_positive, help="length of a turn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every turn to FILE")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FOLDER",
        help="write results and pictures",
    )
    parser.add_argument(
        "--tables", type=Path, metavar="FILE", help="measure nothing: print the results in FILE"
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"not a whole number above 0: {text}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
