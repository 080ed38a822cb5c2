"""The options and the output of ``oip-translator check``."""

import argparse
import re
import sys
from urllib.parse import urlsplit

import msgspec

from translator.check.plan import steps
from translator.check.steps import Result, run_steps
from translator.settings.arguments import add_settings, add_timeout, sources
from translator.settings.sources import load
from translator.settings.values import Address

_NOTHING = "at least one of --translator, --envoy, --envoy-admin and --upstream is required"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Check an installation, from Envoy's configuration to a call of each model, and print a "
        "line for each step, with a hint where one fails. Parts that no option names are skipped. "
        "Nothing is changed. Exits with 0 if no step failed, else with 1. Use the same flags, "
        "variables and file as serve: Envoy's buffers are compared with max_request_body and "
        "max_response_body, and streams with the model's settings. With tls_certificate the "
        "translator is called over TLS; that certificate is presented if the translator requests "
        "one, and the translator's certificate is not verified."
    )
    for name, what in (
        ("envoy", "listener that OpenAI clients connect to"),
        ("envoy-admin", "admin interface of Envoy, for its configuration"),
        ("upstream", "model server or Seldon mesh"),
    ):
        parser.add_argument(f"--{name}", type=_url, metavar="URL", help=f"{what}: http://HOST:PORT")
    parser.add_argument(
        "--translator",
        type=_address,
        metavar="ADDRESS",
        help="address of the translator: HOST:PORT or unix:/path/to.sock",
    )
    for name, what in (("chat", "chat"), ("embeddings", "embeddings")):
        parser.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar="MODEL",
            help=f"{what} model to call through Envoy; can be repeated",
        )
    add_timeout(parser, 10, "time limit for each call")
    parser.add_argument(
        "--json", action="store_true", help="print the results as a JSON list of objects"
    )
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run all steps and print their results.

    Returns:
        0 if no step failed, 1 if one did, 2 if no option names a part to check.

    Raises:
        SettingsError: a setting is invalid.
    """
    if not (arguments.translator or arguments.envoy or arguments.envoy_admin or arguments.upstream):
        sys.stderr.write(f"oip-translator check: {_NOTHING}\n")
        return 2
    results = run_steps(steps(arguments, load(*sources(arguments))))
    if arguments.json:
        text = msgspec.json.format(msgspec.json.encode(results), indent=2)
    else:
        text = "\n".join(_line(result) for result in results).encode(errors="replace")
    sys.stdout.buffer.write(text + b"\n")  # UTF-8, whatever the locale says
    sys.stdout.flush()
    return 1 if any(result.ok is False for result in results) else 0


def _line(result: Result) -> str:
    if result.ok is None:
        return f"- {result.name}: skipped, because {result.found}"
    line = f"{'✓' if result.ok else '✗'} {result.name}"
    if result.found:
        line += f": {result.found}"
    return f"{line}\n    {result.hint}" if result.hint else line


def _url(text: str) -> str:
    """An http or https URL of a server. The error does not repeat it: it may hold a password."""
    try:
        parts = urlsplit(text)
        good = (
            parts.scheme in ("http", "https")
            and parts.hostname
            and "@" not in parts.netloc
            and parts.port != 0
            and not re.search(r"[?#\s\x00-\x1f]", text)
        )
    except ValueError:
        good = False
    if good:
        return text.rstrip("/")
    msg = "not an http:// or https:// URL without user, query and fragment"
    raise argparse.ArgumentTypeError(msg)


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        msg = f"{text!r} is not {error}"
        raise argparse.ArgumentTypeError(msg) from error
