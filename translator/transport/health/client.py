"""Asks a gRPC server whether it serves.

The server's certificate is not verified. A process that is asked by its own container needs no
proof of who it is, it must not be given up for a certificate that only others can judge, and a
SPIFFE certificate does not name an address at all.
"""

import ssl
from contextlib import suppress

from translator.transport.health import messages
from translator.transport.unary import call, not_served, unverified


async def status(
    address: str, service: str, patience: float, context: ssl.SSLContext | None = None
) -> str:
    """What a server says of one of its services: ``SERVING``, ``NOT_SERVING`` and so on.

    Args:
        address: as in :func:`~translator.transport.unary.call`.
        service: its full name.
        patience: seconds for all of it.
        context: for TLS.

    Raises:
        NoResponseError: there was no answer, or not one to this question.
    """
    answer = await call(address, messages.CHECK, messages.request(service), patience, context)
    try:
        return messages.read_response(answer)
    except ValueError as error:
        raise not_served() from error


def client_tls(certificate: str, key: str) -> ssl.SSLContext | None:
    """How to ask a server that has a certificate, or None for one that has none.

    The certificate is shown to a server that asks for one. Files that are bad now are left out: a
    server keeps its last good ones, and may not ask.

    Args:
        certificate: its file, PEM; "" for none.
        key: the file of its private key, PEM.
    """
    if not certificate:
        return None
    context = unverified()
    with suppress(OSError):
        context.load_cert_chain(certificate, key, password="")
    return context
