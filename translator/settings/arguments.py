"""The settings on the command line, the same for each command."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import NODEFAULT

from translator.settings.sources import FIELDS, PREFIX, allowed, describe, flag, shown
from translator.settings.values import Seconds

_LONGEST = 3600.0


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add ``--config`` and a flag for each setting."""
    group = parser.add_argument_group(
        "settings",
        f"Each can also be a variable ({PREFIX}LISTEN and so on) or a key in the file. "
        "Flags override variables, variables override the file.",
    )
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"settings file, TOML or (.yaml, .yml) YAML; also {PREFIX}CONFIG",
    )
    for name, field in FIELDS.items():
        is_flag = field.default is False
        default = (
            "" if field.default is NODEFAULT else f" (default: {shown(field.default) or 'none'})"
        )
        group.add_argument(
            flag(name),
            default=argparse.SUPPRESS,
            metavar="VALUE",
            help=f"{describe(field.type)}. Allowed: {allowed(field.type)}{default}".replace(
                "%", "%%"
            ),
            nargs="?" if is_flag else None,
            const="true" if is_flag else None,
        )


def sources(
    arguments: argparse.Namespace,
) -> tuple[dict[str, str], Mapping[str, str], Path | None]:
    """The sources of the settings, as ``load`` takes them: flags by name, variables, file."""
    given = vars(arguments)
    variable = os.environ.get(f"{PREFIX}CONFIG")
    file = arguments.config or (Path(variable) if variable else None)
    return {name: given[name] for name in FIELDS if name in given}, os.environ, file


def add_timeout(parser: argparse.ArgumentParser, default: float, what: str) -> None:
    """Add ``--timeout``, in seconds; ``what`` is its help text."""
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=Seconds(default),
        metavar="SECONDS",
        help=f"{what} (default: {default:g})",
    )


def _seconds(text: str) -> Seconds:
    try:
        seconds = Seconds.parse(text)
    except ValueError:
        seconds = Seconds(0)
    if 0 < seconds <= _LONGEST:
        return seconds
    msg = f"{text!r} is not a number of seconds above 0 and at most {_LONGEST:g}"
    raise argparse.ArgumentTypeError(msg)
