"""``oip-translator health``: whether the process with these settings serves, for exec probes.

Each of its endpoints is asked, as Envoy would ask (``grpc.health.v1``). One that serves is enough:
the supervisor starts a worker again by itself, and to end them all for one would cut the streams
of the others.

With TLS the server's certificate is not verified: it is for Envoy to judge, and a server keeps its
last good one when its files go bad. Where Envoy must show a certificate (``tls_client_ca``), the
server's own is shown. The server takes it if that authority has signed it, and for clients as well
as for servers; where that is not so, ask ``/readyz`` of the admin port instead.
"""

import asyncio
import ssl
import sys
from contextlib import suppress

from translator.extproc._proto.external_processor_pb2 import DESCRIPTOR
from translator.settings.definition import Settings
from translator.transport.probe import NoHealthError, status

SERVING = "SERVING"

_SERVICE = DESCRIPTOR.services_by_name["ExternalProcessor"].full_name


def report(settings: Settings, patience: float) -> int:
    """Print a line for each endpoint: its address and its status, or what went wrong.

    Args:
        settings: of the process that is asked.
        patience: seconds for each answer; all are asked at once.

    Returns:
        0 if one serves, else 1.
    """
    addresses = [settings.listen.of(worker) for worker in range(settings.workers.count)]
    found = asyncio.run(_ask(addresses, patience, _context(settings)))
    for address, said in zip(addresses, found, strict=True):
        sys.stdout.write(f"{address}: {said}\n")
    return 0 if SERVING in found else 1


async def _ask(addresses: list[str], patience: float, context: ssl.SSLContext | None) -> list[str]:
    async def ask(address: str) -> str:
        try:
            return await status(address, _SERVICE, patience, context)
        except NoHealthError as error:
            return str(error)

    return await asyncio.gather(*map(ask, addresses))


def _context(settings: Settings) -> ssl.SSLContext | None:
    if not settings.tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if settings.tls_client_ca:
        with suppress(OSError):  # files that are bad now; the server may not need them to be good
            context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    return context
