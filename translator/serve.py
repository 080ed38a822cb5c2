"""``oip-translator serve``: one server process, or several workers and their supervisor."""

import argparse
import asyncio

from translator.serving.logs import configure
from translator.settings.arguments import add_settings, sources
from translator.settings.current import CurrentSettings

# Modules that import grpc are imported where they are used: a supervisor does not need them.


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = "Run the gRPC server that Envoy's ext_proc filter connects to."
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: a setting is invalid.
        ListenError: the process cannot listen on an address.
    """
    flags, environment, file = sources(arguments)
    current = CurrentSettings(flags, environment, file)
    log = configure(current.settings.log_level, current.settings.log_format)
    worker: int | None = getattr(arguments, "worker", None)  # its number, from a supervisor
    if worker is None and current.settings.workers.count > 1:
        from translator.serving.supervisor import supervise  # noqa: PLC0415 -- only here

        return asyncio.run(supervise(current, flags, file))
    from translator.serving.server import serve  # noqa: PLC0415 -- see above

    asyncio.run(serve(current, log, worker))
    return 0
