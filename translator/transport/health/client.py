"""A client for health checks.

The server's certificate is not verified: the client is in the server's own container, the server
must not be restarted because of a certificate that is meant for others, and a SPIFFE certificate
has no address to verify.
"""

import ssl
from contextlib import suppress

from translator.transport.health import messages
from translator.transport.unary import call, not_served, unverified


async def status(
    address: str, service: str, patience: float, context: ssl.SSLContext | None = None
) -> str:
    """The status of a service: ``SERVING``, ``NOT_SERVING`` and so on.

    Args:
        address: see :func:`~translator.transport.unary.call`.
        service: the full name of the service.
        patience: seconds for the whole call.
        context: for TLS.

    Raises:
        NoResponseError: there was no response, or it is not a HealthCheckResponse.
    """
    answer = await call(address, messages.CHECK, messages.request(service), patience, context)
    try:
        return messages.read_response(answer)
    except ValueError as error:
        raise not_served() from error


def client_tls(certificate: str, key: str) -> ssl.SSLContext | None:
    """The TLS context for a server with a certificate; None for a server without one.

    The server's own certificate is presented if the server requires one. Invalid files are
    ignored, because the server keeps its last valid ones, and may not require a certificate.

    Args:
        certificate: the file of the certificate, PEM; "" for none.
        key: the file of its private key, PEM.
    """
    if not certificate:
        return None
    context = unverified()
    with suppress(OSError):
        context.load_cert_chain(certificate, key, password="")
    return context
