"""The command line: ``oip-translator serve``, ``health``, ``translate`` and ``check``."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

import msgspec
from msgspec import NODEFAULT

from translator import __version__
from translator.serving.logs import configure
from translator.settings.current import CurrentSettings
from translator.settings.sources import (
    FIELDS,
    PREFIX,
    SettingsError,
    allowed,
    describe,
    flag,
    load,
    shown,
)
from translator.settings.values import Seconds
from translator.translate.translation import Outcome, translate_request, translate_response
from translator.transport.errors import ListenError

# What brings grpc is imported where it is used: a supervisor of workers does without.


def main(argv: list[str] | None = None) -> int:
    """Run the command in ``argv`` (default: the process's own). Gives the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = _parser(argv).parse_args(argv)
    return int(arguments.run(arguments))


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oip-translator",
        description="An Envoy ext_proc filter between OpenAI clients and OIP model servers.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands.add_parser("serve", help="serve Envoy over gRPC"))
    _add_health(commands.add_parser("health", help="say whether the process here serves"))
    _add_translate(commands.add_parser("translate", help="show what becomes of a body"))
    check = commands.add_parser(
        "check",
        help="find out what is wrong with a setup",
        description="Look over what is given, from Envoy's configuration to a call of each model, "
        "and print a line for each step, with a hint where one fails. It changes nothing. Ends "
        "with 0 if no step failed, else with 1.",
    )
    if "check" in argv:
        from translator.check import command as check_command  # noqa: PLC0415 -- see above

        check_command.add_arguments(check)
        check.set_defaults(run=check_command.run)
    if argv[:1] == ["worker"]:  # started by a supervisor only, so help and errors are silent of it
        worker = commands.add_parser("worker")
        worker.add_argument("index", type=int)
        _add_serve(worker)
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Serve Envoy over gRPC. Every flag may be given as a variable "
        f"({PREFIX}LISTEN and so on) or in the file instead; flags come first, then variables."
    )
    _add_settings(parser)
    parser.set_defaults(run=_serve)


def _add_health(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Ask the process that serves with the same settings for its health, over gRPC, and print a "
        "line for each of its endpoints. Ends with 0 if at least one is SERVING, else with 1. It "
        "is for the probes of a container: give it the flags, variables and file that serve has. "
        "With tls_client_ca it shows the process's own certificate, which must be good for clients."
    )
    _add_settings(parser)
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=Seconds(2),
        metavar="SECONDS",
        help="how long an answer may take (default: 2)",
    )
    parser.set_defaults(run=_health)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"settings in TOML, or YAML by its ending; {PREFIX}CONFIG in the environment",
    )
    for name, field in FIELDS.items():
        is_flag = field.default is False
        default = (
            "" if field.default is NODEFAULT else f" (default: {shown(field.default) or 'none'})"
        )
        parser.add_argument(
            flag(name),
            default=argparse.SUPPRESS,
            metavar="VALUE",
            help=f"{describe(field.type)}: {allowed(field.type)}{default}".replace("%", "%%"),
            nargs="?" if is_flag else None,
            const="true" if is_flag else None,
        )


def _sources(arguments: argparse.Namespace) -> tuple[dict[str, str], Path | None]:
    """The settings that are flags, and the file of others."""
    given = vars(arguments)
    variable = os.environ.get(f"{PREFIX}CONFIG")
    file = arguments.config or (Path(variable) if variable else None)
    return {name: given[name] for name in FIELDS if name in given}, file


def _serve(arguments: argparse.Namespace) -> int:
    flags, file = _sources(arguments)
    try:
        current = CurrentSettings(flags, os.environ, file)
    except SettingsError as error:
        return _refused(error)
    configure(current.settings.log_level, current.settings.log_format)
    index = getattr(arguments, "index", None)
    try:
        if index is None and current.settings.workers.count > 1:
            from translator.serving.supervisor import supervise  # noqa: PLC0415 -- only here

            return asyncio.run(supervise(current, flags, file))
        from translator.serving.server import serve  # noqa: PLC0415 -- see above

        asyncio.run(serve(current, index))
    except SettingsError as error:
        return _refused(error)
    except ListenError as error:
        sys.stderr.write(f"oip-translator: {error}\n")
        return 1
    return 0


def _health(arguments: argparse.Namespace) -> int:
    from translator.health import report  # noqa: PLC0415 -- it brings protobuf and ssl

    flags, file = _sources(arguments)
    try:
        settings = load(flags, os.environ, file)
    except SettingsError as error:
        _refused(error)
        return 1  # for Docker's HEALTHCHECK nothing else is unhealthy
    return report(settings, arguments.timeout)


def _seconds(text: str) -> Seconds:
    try:
        return Seconds.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not {error}") from error


def _refused(error: SettingsError) -> int:
    sys.stderr.write(f"oip-translator: {error}\n")
    return 2


def _add_translate(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print, as JSON, what becomes of a body on standard input. Ends with 0, or with 1 if it is "
        "refused."
    )
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
