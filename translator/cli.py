"""The command line: ``oip-translator serve``, ``health``, ``translate`` and ``check``."""

import argparse
import sys
from importlib import import_module

from translator import __version__
from translator.settings.sources import SettingsError
from translator.transport.errors import ListenError

_COMMANDS = {
    # its name: where its add_arguments and run are, and what it does
    "serve": ("translator.serve", "serve Envoy over gRPC"),
    "health": ("translator.health", "say whether the process here serves"),
    "translate": ("translator.translate.command", "show what becomes of a body"),
    "check": ("translator.check.command", "find out what is wrong with a setup"),
}


def main(argv: list[str] | None = None) -> int:
    """Run the command in ``argv`` (default: the process's own). Gives the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = _parser(argv).parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (SettingsError, ListenError) as error:
        sys.stderr.write(f"oip-translator: {error}\n")
        return 2 if isinstance(error, SettingsError) else 1


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oip-translator",
        description="An Envoy ext_proc filter between OpenAI clients and OIP model servers.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, what) in _COMMANDS.items():
        command = commands.add_parser(name, help=what)
        if name in argv:  # each brings modules that the others do without
            _add(module, command)
    if argv[:1] == ["worker"]:  # started by a supervisor only: it is in no help and no error
        worker = commands.add_parser("worker")
        worker.add_argument("worker", type=int)
        _add("translator.serve", worker)
    return parser


def _add(module: str, parser: argparse.ArgumentParser) -> None:
    command = import_module(module)
    command.add_arguments(parser)
    parser.set_defaults(run=command.run)
