"""The options of ``oip-translator check``, and what it prints."""

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

_NOTHING = "give at least one of --translator, --envoy, --envoy-admin and --upstream"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Look over what is given, from Envoy's configuration to a call of each model, and print a "
        "line for each step, with a hint where one fails. It changes nothing. Ends with 0 if no "
        "step failed, else with 1. Give it the flags, variables and file that serve has: Envoy's "
        "buffers are compared with max_request_body and max_response_body, and each model's stream "
        "with its settings. With tls_certificate the translator is asked over TLS; it is shown "
        "that certificate if it asks for one, and its own is not verified."
    )
    for name, what in (
        ("envoy", "the listener that OpenAI clients talk to"),
        ("envoy-admin", "Envoy's admin interface, for its configuration"),
        ("upstream", "the model server, or the Seldon mesh"),
    ):
        parser.add_argument(f"--{name}", type=_url, metavar="URL", help=f"{what}: http://HOST:PORT")
    parser.add_argument(
        "--translator",
        type=_address,
        metavar="ADDRESS",
        help="where the translator listens: HOST:PORT or unix:/path/to.sock",
    )
    for name, what in (("chat", "a chat"), ("embeddings", "an embeddings")):
        parser.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar="MODEL",
            help=f"{what} model to call through Envoy; may be given several times",
        )
    add_timeout(parser, 10, "how long each call may take")
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Take all steps and print what they found.

    Returns:
        0 if none failed, 1 if one did, 2 if there is nothing to test.

    Raises:
        SettingsError: a setting is wrong.
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
    """An http or https URL of a server. It is not quoted back: it may hold a password."""
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
    msg = "not an http:// or https:// URL, without user, query and fragment"
    raise argparse.ArgumentTypeError(msg)


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        msg = f"{text!r} is not {error}"
        raise argparse.ArgumentTypeError(msg) from error
