"""``oip-translator serve``: one process that serves Envoy, or several and one that minds them."""

import argparse
import asyncio

from translator.serving.logs import configure
from translator.settings.arguments import add_settings, sources
from translator.settings.current import CurrentSettings

# What brings grpc is imported where it is used: a supervisor of workers does without.


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = "Serve Envoy over gRPC."
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop.

    Raises:
        SettingsError: a setting is wrong.
        ListenError: an address cannot be listened on.
    """
    flags, environment, file = sources(arguments)
    current = CurrentSettings(flags, environment, file)
    configure(current.settings.log_level, current.settings.log_format)
    worker: int | None = getattr(arguments, "worker", None)  # its number, from a supervisor
    if worker is None and current.settings.workers.count > 1:
        from translator.serving.supervisor import supervise  # noqa: PLC0415 -- only here

        return asyncio.run(supervise(current, flags, file))
    from translator.serving.server import serve  # noqa: PLC0415 -- see above

    asyncio.run(serve(current, worker))
    return 0
