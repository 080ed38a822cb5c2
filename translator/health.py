"""``oip-translator health``: whether the process with these settings serves, for exec probes.

Each of its endpoints is asked, as Envoy would ask (``grpc.health.v1``). One that serves is enough:
the supervisor starts a worker again by itself, and to end them all for one would cut the streams
of the others.

Where Envoy must show a certificate (``tls_client_ca``), the server's own is shown. The server takes
it if that authority has signed it, and for clients as well as for servers; where that is not so,
ask ``/readyz`` of the admin port instead.
"""

import asyncio
import ssl
import sys

from translator.settings.definition import Settings
from translator.transport.health.client import client_tls, status
from translator.transport.service import SERVICE
from translator.transport.unary import NoAnswerError

SERVING = "SERVING"


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
