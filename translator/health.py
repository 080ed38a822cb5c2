"""``oip-translator health``: whether the process with these settings serves, for exec probes.

Each of its endpoints is asked, as Envoy would ask (``grpc.health.v1``). One that serves is enough:
the supervisor starts a worker again by itself, and to end them all for one would cut the streams
of the others.

Where Envoy must show a certificate (``tls_client_ca``), the server's own is shown. The server takes
it if that authority has signed it, and for clients as well as for servers; where that is not so,
ask ``/readyz`` of the admin port instead.
"""

import argparse
import asyncio
import ssl
import sys

from translator.settings.arguments import add_settings, add_timeout, sources
from translator.settings.definition import Settings
from translator.settings.sources import SettingsError, load
from translator.transport.health.client import client_tls, status
from translator.transport.service import SERVICE
from translator.transport.unary import NoAnswerError

SERVING = "SERVING"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Ask the process that serves with the same settings for its health, over gRPC, and print a "
        "line for each of its endpoints. Ends with 0 if at least one is SERVING, else with 1. It "
        "is for the probes of a container: give it the flags, variables and file that serve has. "
        "With tls_client_ca it shows the process's own certificate, which must be good for clients."
    )
    add_timeout(parser, 2, "how long an answer may take")
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print what is said; 0 if the process serves, else 1."""
    try:
        settings = load(*sources(arguments))
    except SettingsError as error:
        sys.stderr.write(f"oip-translator: {error}\n")
        return 1  # for Docker's HEALTHCHECK nothing else is unhealthy
    return report(settings, arguments.timeout)


def report(settings: Settings, patience: float) -> int:
    """Print a line for each endpoint: its address and its status, or what went wrong.

    Args:
        settings: of the process that is asked.
        patience: seconds for each answer; all are asked at once.

    Returns:
        0 if one serves, else 1.
    """
    addresses = [settings.listen.of(worker) for worker in range(settings.workers.count)]
    context = client_tls(settings.tls_certificate, settings.tls_key)
    found = asyncio.run(_ask(addresses, patience, context))
    for address, said in zip(addresses, found, strict=True):
        sys.stdout.write(f"{address}: {said}\n")
    return 0 if SERVING in found else 1


async def _ask(addresses: list[str], patience: float, context: ssl.SSLContext | None) -> list[str]:
    async def ask(address: str) -> str:
        try:
            return await status(address, SERVICE, patience, context)
        except NoAnswerError as error:
            return str(error)

    return await asyncio.gather(*map(ask, addresses))
