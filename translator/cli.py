"""The command line: ``oip-translator serve``, ``translate`` and ``check``."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

import msgspec
from msgspec import NODEFAULT

from translator import __version__, doctor
from translator.offline import Outcome, translate_request, translate_response
from translator.serving.current import CurrentSettings
from translator.serving.logs import configure
from translator.serving.server import serve
from translator.serving.sources import FIELDS, PREFIX, SettingsError, allowed, describe, shown
from translator.transport.grpcio import ListenError


def main(argv: list[str] | None = None) -> int:
    """Run the command in ``argv`` (default: the process's own). Gives the exit status."""
    arguments = _parser().parse_args(argv)
    return int(arguments.run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oip-translator",
        description="An Envoy ext_proc filter between OpenAI clients and OIP model servers.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands.add_parser("serve", help="serve Envoy over gRPC"))
    _add_translate(commands.add_parser("translate", help="show what becomes of a body"))
    check = commands.add_parser("check", help="find out what is wrong with a setup")
    doctor.add_arguments(check)
    check.set_defaults(run=doctor.run)
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Serve Envoy over gRPC. Every flag may be given as a variable "
        f"({PREFIX}LISTEN and so on) or in the file instead; flags come first, then variables."
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"settings in TOML, or YAML by its ending; {PREFIX}CONFIG in the environment",
    )
    for name, field in FIELDS.items():
        is_flag = field.default is False
        default = "" if field.default is NODEFAULT else f" (default: {shown(field.default)})"
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            default=argparse.SUPPRESS,
            metavar="VALUE",
            help=f"{describe(field.type)}: {allowed(field.type)}{default}".replace("%", "%%"),
            nargs="?" if is_flag else None,
            const="true" if is_flag else None,
        )
    parser.set_defaults(run=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    given = vars(arguments)
    flags = {name: given[name] for name in FIELDS if name in given}
    variable = os.environ.get(f"{PREFIX}CONFIG")
    file = arguments.config or (Path(variable) if variable else None)
    try:
        current = CurrentSettings(flags, os.environ, file)
    except SettingsError as error:
        sys.stderr.write(f"oip-translator: {error}\n")
        return 2
    configure(current.settings.log_level, current.settings.log_format)
    try:
        asyncio.run(serve(current))
    except ListenError as error:
        sys.stderr.write(f"oip-translator: {error}\n")
        return 1
    return 0


def _add_translate(parser: argparse.ArgumentParser) -> None:
    directions = parser.add_subparsers(required=True, metavar="DIRECTION")
    request = directions.add_parser("request", help="an OpenAI request, read from standard input")
    response = directions.add_parser("response", help="an OIP response, read from standard input")
    for direction in (request, response):
        direction.add_argument(
            "--path", required=True, help="the path of the OpenAI request: /v1/chat/completions"
        )
    response.add_argument(
        "--request", type=Path, metavar="FILE", help="the OpenAI request body that it answers"
    )
    response.add_argument("--status", type=int, default=200, help="the upstream's HTTP status")
    response.add_argument(
        "--content-type",
        metavar="TYPE",
        help="the upstream's content type (default: text/event-stream for a streamed request, "
        "else application/json)",
    )
    request.set_defaults(run=_translate_request)
    response.set_defaults(run=_translate_response)


def _translate_request(arguments: argparse.Namespace) -> int:
    return _print(translate_request(arguments.path, sys.stdin.buffer.read()))


def _translate_response(arguments: argparse.Namespace) -> int:
    try:
        request = arguments.request.read_bytes() if arguments.request else None
    except OSError as error:
        sys.stderr.write(f"oip-translator: cannot read --request: {error}\n")
        return 2
    return _print(
        translate_response(
            arguments.path,
            sys.stdin.buffer.read(),
            request=request,
            status=arguments.status,
            content_type=arguments.content_type,
        )
    )


def _print(outcome: Outcome) -> int:
    document, succeeded = outcome
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    sys.stdout.buffer.write(text + b"\n")  # UTF-8, whatever the locale says
    sys.stdout.flush()
    return 0 if succeeded else 1
