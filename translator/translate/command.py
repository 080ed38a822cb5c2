"""The options and the output of ``oip-translator translate``."""

import argparse
import sys
from pathlib import Path

import msgspec

from translator.settings.arguments import add_settings, sources
from translator.settings.sources import load
from translator.settings.tokenizers import exchange_settings
from translator.translate.translation import Outcome, translate_request, translate_response


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Translate a body from standard input, with the settings of serve, and print the result as "
        "JSON. Exits with 0, or with 1 if the body is refused."
    )
    directions = parser.add_subparsers(required=True, metavar="DIRECTION", dest="direction")
    request = directions.add_parser("request", help="translate an OpenAI request to OIP")
    response = directions.add_parser("response", help="translate an OIP response to OpenAI's API")
    for direction in (request, response):
        direction.add_argument(
            "--path", required=True, help="path of the OpenAI request, such as /v1/chat/completions"
        )
    response.add_argument(
        "--request",
        type=Path,
        metavar="FILE",
        help="the OpenAI request body that the response is for",
    )
    response.add_argument(
        "--status", type=int, default=200, help="HTTP status of the response (default: 200)"
    )
    response.add_argument(
        "--content-type",
        metavar="TYPE",
        help="content type of the response (default: text/event-stream for a streamed request, "
        "else application/json)",
    )
    for direction in (request, response):
        add_settings(direction)


def run(arguments: argparse.Namespace) -> int:
    """Translate standard input and print the result.

    Raises:
        SettingsError: a setting is invalid.
    """
    settings = exchange_settings(load(*sources(arguments)))
    if arguments.direction == "request":
        return _print(translate_request(arguments.path, sys.stdin.buffer.read(), settings))
    try:
        request = arguments.request.read_bytes() if arguments.request else None
    except OSError as error:
        sys.stderr.write(f"oip-translator: cannot read --request: {error}\n")
        return 2
    return _print(
        translate_response(
            arguments.path,
            sys.stdin.buffer.read(),
            settings,
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
