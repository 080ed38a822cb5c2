"""What the filter costs: a small chat completion through the whole gateway, in three cases.

The cases are the filter, the same Envoy without it (plain OIP on the same listener), and the same
Envoy with an ext_proc server that does nothing. Needs wrk.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bench import cases, load, machine, report
from bench.measure import Plan, Sample, measure
from demo import stack

_QUICK = Plan(rounds=1, seconds=1, warm_up=1)


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark. Gives the exit status: 1 when it failed, 2 when it could not begin."""
    arguments = _parser().parse_args(argv)
    if not load.installed():
        sys.stderr.write(f"{load.HOW_TO_GET_WRK}\n")
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="oip-translator-bench-"))
    plan = _plan(arguments)
    surroundings = machine.describe()
    try:
        samples = _run(plan, folder)
    except (stack.StackError, cases.CaseError, load.LoadError) as error:
        sys.stderr.write(f"\n{error}\nConfigurations and logs are in {folder}.\n")
        return 1
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        return 130
    shutil.rmtree(folder)
    write = report.markdown if arguments.markdown else report.text
    sys.stdout.write(write(samples, surroundings, plan))
    if arguments.json:
        arguments.json.write_text(report.document(samples, surroundings, plan))
    return 0


def _run(plan: Plan, folder: Path) -> list[Sample]:
    _progress("starting")
    with cases.running(folder) as running:
        cases.verify(running)
        samples = list(measure(running, plan, folder, _progress))
        cases.verify(running)  # that nothing broke on the way
    _progress("")
    return samples


def _progress(words: str) -> None:
    # On a terminal each step takes the place of the last; elsewhere they would only be noise.
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{words}")
        sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    plan = Plan()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--rounds", type=_positive, help=f"turns of each case ({plan.rounds}, or 1 with --quick)"
    )
    parser.add_argument(
        "--seconds", type=_positive, help=f"length of a turn ({plan.seconds}, or 1 with --quick)"
    )
    parser.add_argument(
        "--connections",
        type=_positive,
        nargs="+",
        help=f"how many at once, one or more numbers ({' '.join(map(str, plan.connections))})",
    )
    parser.add_argument("--quick", action="store_true", help="only see whether it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every turn to FILE")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    return parser


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = _QUICK if arguments.quick else Plan()
    return replace(
        plan,
        rounds=arguments.rounds or plan.rounds,
        seconds=arguments.seconds or plan.seconds,
        connections=tuple(arguments.connections or plan.connections),
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"not a whole number above 0: {text}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
