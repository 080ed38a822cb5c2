"""The command line: ``oip-translator serve``, ``health``, ``translate`` and ``check``."""

import argparse
import sys
from importlib import import_module

from translator import __version__
from translator.settings.sources import SettingsError
from translator.transport.errors import ListenError

_COMMANDS = {
    # name: (module with add_arguments and run, help)
    "serve": ("translator.serve", "run the gRPC server that Envoy connects to"),
    "health": ("translator.health", "ask the process with the same settings for its health"),
    "translate": (
        "translator.translate.command",
        "translate one body from standard input, without Envoy",
    ),
    "check": ("translator.check.command", "check an installation from Envoy to the models"),
}


def main(argv: list[str] | None = None) -> int:
    """Run the command in ``argv`` (default: the process's own). Returns the exit status."""
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
        if name in argv:  # import only what the command needs
            _add(module, command)
    if argv[:1] == ["worker"]:  # internal: only a supervisor starts it
        worker = commands.add_parser("worker")
        worker.add_argument("worker", type=int)
        _add("translator.serve", worker)
    return parser


def _add(module: str, parser: argparse.ArgumentParser) -> None:
    command = import_module(module)
    command.add_arguments(parser)
    parser.set_defaults(run=command.run)
