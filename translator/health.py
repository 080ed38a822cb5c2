"""``oip-translator health``: the health of the process with the same settings, for exec probes.

Each endpoint is checked as Envoy checks it (``grpc.health.v1``). One that is SERVING is enough: the
supervisor restarts a failed worker, and restarting all of them would cut the others' streams.

With ``tls_client_ca`` the server's own certificate is presented as the client's. The server accepts
it if that CA has signed it, also for client authentication; otherwise use ``/readyz`` of the admin
port.
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
from translator.transport.unary import NoResponseError

SERVING = "SERVING"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Ask the process with the same settings for its health, over gRPC, and print a line for "
        "each endpoint. Exits with 0 if at least one is SERVING, else with 1. Meant for container "
        "probes: use the same flags, variables and file as serve. With tls_client_ca it presents "
        "the server's own certificate, which must also be valid for client authentication."
    )
    add_timeout(parser, 2, "time limit for each endpoint")
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the health of each endpoint. Returns 0 if one is SERVING, else 1."""
    try:
        settings = load(*sources(arguments))
    except SettingsError as error:
        sys.stderr.write(f"oip-translator: {error}\n")
        return 1  # Docker's HEALTHCHECK reserves 2
    return report(settings, arguments.timeout)


def report(settings: Settings, patience: float) -> int:
    """Print a line for each endpoint: its address, and its status or the error.

    Args:
        settings: the settings of the process.
        patience: seconds for each response; all endpoints are checked at once.

    Returns:
        0 if one is SERVING, else 1.
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
        except NoResponseError as error:
            return str(error)

    return await asyncio.gather(*map(ask, addresses))
