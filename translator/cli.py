"""The command line: ``oip-translator serve`` and ``oip-translator translate``."""

import argparse
import asyncio
import logging
import math
import re
import sys
from pathlib import Path

import msgspec

from translator import __version__
from translator.endpoints.model_settings import TOKEN_INPUTS, Models, ModelSettings
from translator.exchange.settings import ExchangeSettings, Limits
from translator.offline import Outcome, translate_request, translate_response
from translator.serving.server import serve
from translator.serving.settings import Settings
from translator.transport.grpcio import ListenError

_LAST_PORT = 65535
_SIZES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


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
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    defaults = Settings()
    parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter
    parser.add_argument(
        "--listen",
        type=_address,
        default=defaults.listen,
        metavar="ADDRESS",
        help="where Envoy reaches this process: HOST:PORT or unix:/path/to.sock",
    )
    for name, what in (("request", "a request"), ("response", "an answer")):
        parser.add_argument(
            f"--max-{name}-body",
            type=_size,
            default=getattr(defaults.exchange.limits, f"{name}_body"),
            metavar="BYTES",
            help=f"the largest body of {what} that is translated; 64M and the like are fine",
        )
    parser.add_argument(
        "--token-input",
        type=_token_input,
        action="append",
        default=argparse.SUPPRESS,
        metavar="[MODEL=]ENCODING",
        help=f"how token arrays reach embeddings models, {' or '.join(TOKEN_INPUTS)}: of all of "
        "them, or with MODEL= of that one (default: int64)",
    )
    parser.add_argument(
        "--sticky-routes",
        action="store_true",
        help="let clients see and send x-seldon-route, for sticky experiments in a Seldon mesh",
    )
    parser.add_argument(
        "--grace",
        type=_seconds,
        default=defaults.grace,
        metavar="SECONDS",
        help="how long open streams may go on after SIGTERM",
    )
    parser.add_argument(
        "--log-level",
        default=defaults.log_level,
        choices=["DEBUG", "INFO", "WARNING", "ERROR"],
        help="what is logged to standard error",
    )
    parser.set_defaults(run=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    settings = Settings(
        listen=arguments.listen,
        exchange=ExchangeSettings(
            Limits(arguments.max_request_body, arguments.max_response_body),
            _models(getattr(arguments, "token_input", [])),
            sticky_routes=arguments.sticky_routes,
        ),
        grace=arguments.grace,
        log_level=arguments.log_level,
    )
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        asyncio.run(serve(settings))
    except ListenError as error:
        sys.stderr.write(f"oip-translator: {error}\n")
        return 1
    return 0


def _models(given: list[tuple[str, ModelSettings]]) -> Models:
    by_name = dict(given)
    return Models(by_name.pop("", ModelSettings()), by_name)


def _token_input(text: str) -> tuple[str, ModelSettings]:
    model, _, encoding = text.rpartition("=")
    for known in TOKEN_INPUTS:
        if encoding == known:
            return model, ModelSettings(known)
    msg = f"{text!r} does not end in one of {', '.join(TOKEN_INPUTS)}"
    raise argparse.ArgumentTypeError(msg)


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if text.startswith("unix:") or (
        colon and host and port.isdecimal() and int(port) <= _LAST_PORT
    ):
        return text
    msg = f"{text!r} is neither HOST:PORT nor unix:/path"
    raise argparse.ArgumentTypeError(msg)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if 0 <= seconds < math.inf:
        return seconds
    msg = f"{text!r} is not a number of seconds"
    raise argparse.ArgumentTypeError(msg)


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+)([kmg]?)(?:i?b)?", text.strip().lower())
    if match is None:
        msg = f"{text!r} is not a number of bytes such as 1048576, 512K or 64M"
        raise argparse.ArgumentTypeError(msg)
    return int(match[1]) * _SIZES[match[2]]


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
