"""A doctor for an installation: what is wrong with it, step by step, and what to do about it.

It tests whatever it is given the means for, from the outside: over gRPC the translator, over HTTP
(plain ``urllib``, so that the base installation suffices) Envoy, its admin interface and the model
server, and OpenAI requests through all of them. It changes nothing.
"""

import argparse
import math
import re
import sys
from functools import cache, partial
from urllib.parse import urlsplit

import msgspec

from translator.check import calls, envoy_settings
from translator.check.config_dump import Gateway
from translator.check.steps import Finding, ProbeError, Result, Step, run_steps

_HEALTH = "translator health"
_READY = "Envoy ready"
_FILTER = "ext_proc filter"
_ROUTE = next(iter(envoy_settings.CHECKS))
_LISTENER = "Envoy listener"
_LIVE = "upstream live"
_MODELS = "upstream ready"

_NOTHING = "give at least one of --translator, --envoy, --envoy-admin and --upstream"
_ADMIN_HINT = "is Envoy running, and is this its admin interface?"
_LONGEST = 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the doctor's options."""
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
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long each call may take (default: 10)",
    )
    parser.add_argument("--json", action="store_true", help="print a list of objects")


def run(arguments: argparse.Namespace) -> int:
    """Take all steps and print what they found.

    Returns:
        0 if none failed, 1 if one did, 2 if there is nothing to test.
    """
    if not (arguments.translator or arguments.envoy or arguments.envoy_admin or arguments.upstream):
        sys.stderr.write(f"oip-translator check: {_NOTHING}\n")
        return 2
    results = run_steps(_steps(arguments))
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


def _steps(given: argparse.Namespace) -> list[Step]:
    return [
        Step(
            _HEALTH,
            partial(calls.translator_health, given.translator, given.timeout),
            missing=None if given.translator else "--translator",
        ),
        *_envoy_steps(given),
        *_upstream_steps(given),
        *_client_steps(given),
    ]


def _envoy_steps(given: argparse.Namespace) -> list[Step]:
    admin, timeout = given.envoy_admin, given.timeout
    missing = None if admin else "--envoy-admin"

    @cache
    def load() -> Gateway | None:
        return envoy_settings.load_gateway(admin, given.envoy, timeout)

    def present() -> Finding:
        return envoy_settings.filter_present(load())

    def about(check: envoy_settings.Check) -> Finding:
        gateway = load()
        if gateway is None:  # then the step before has failed, and this one is not taken
            msg = "there is no filter"
            raise ProbeError(msg)
        return check(gateway)

    return [
        Step(_READY, partial(envoy_settings.envoy_ready, admin, timeout), _ADMIN_HINT, missing),
        Step(
            "Envoy version",
            partial(envoy_settings.envoy_version, admin, timeout),
            _ADMIN_HINT,
            missing,
            (_READY,),
        ),
        Step(_FILTER, present, _ADMIN_HINT, missing, (_READY,)),
        *(
            Step(
                name,
                partial(about, check),
                missing=missing,
                needs=(_FILTER, _ROUTE) if routed else (_FILTER,),
            )
            for name, (check, routed) in envoy_settings.CHECKS.items()
        ),
    ]


def _upstream_steps(given: argparse.Namespace) -> list[Step]:
    missing = None if given.upstream else "--upstream"
    hint = "is the model server running, and is this its HTTP address?"
    return [
        Step(
            name,
            partial(calls.upstream_health, given.upstream, path, given.timeout),
            hint,
            missing,
            needs,
        )
        for name, path, needs in ((_LIVE, "live", ()), (_MODELS, "ready", (_LIVE,)))
    ]


def _client_steps(given: argparse.Namespace) -> list[Step]:
    envoy, timeout = given.envoy, given.timeout
    missing = None if envoy else "--envoy"
    slow = "see the logs of Envoy and of the model server; for a slow model raise --timeout"
    way: tuple[str, ...] = (_LISTENER, _HEALTH, _FILTER, _ROUTE)
    steps = [
        Step(
            _LISTENER,
            partial(calls.listener_open, envoy, timeout),
            "is Envoy running, and is this the port of its listener?",
            missing,
        ),
        Step(
            "error of a bad request", partial(calls.error_shape, envoy, timeout), slow, missing, way
        ),
    ]
    way = (*way, _MODELS)
    for model in dict.fromkeys(given.chat):
        whole, streamed = f"chat {model}", f"chat stream {model}"
        steps += [
            Step(whole, partial(calls.chat, envoy, model, timeout), slow, missing, way),
            Step(
                streamed,
                partial(calls.chat_stream, envoy, model, timeout),
                slow,
                missing,
                (*way, whole),
            ),
        ]
    steps += [
        Step(
            f"embeddings {model}",
            partial(calls.embeddings, envoy, model, timeout),
            slow,
            missing,
            way,
        )
        for model in dict.fromkeys(given.embeddings)
    ]
    for name in ("chat", "embeddings"):
        if not getattr(given, name):
            steps.append(Step(name, lambda: Finding(ok=True), missing=f"--{name}"))
    return steps


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


def _address(text: str) -> str:
    if re.fullmatch(r"unix:.+|\S+:[0-9]{1,5}", text):
        return text
    msg = f"{text!r} is neither HOST:PORT nor unix:/path"
    raise argparse.ArgumentTypeError(msg)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if 0 < seconds <= _LONGEST:
        return seconds
    msg = f"{text!r} is not a number of seconds above 0 and up to {_LONGEST:g}"
    raise argparse.ArgumentTypeError(msg)
