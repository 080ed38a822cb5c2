"""Chooses and starts the transport."""

from translator.settings.definition import Settings
from translator.transport.service import NewSession, Transport


async def listen(
    settings: Settings, address: str, new_session: NewSession
) -> tuple[Transport, int]:
    """Start the transport that the settings select.

    Args:
        settings: the settings of the process.
        address: ``host:port`` or ``unix:/path``.
        new_session: creates the session of each new stream.

    Returns:
        The transport and its port (0 becomes a free one).

    Raises:
        ListenError: the address cannot be bound, or a TLS file is invalid.
    """
    # Each imports its own libraries, and a process needs only one of them.
    mode, owner = settings.socket_mode, settings.socket_owner
    if settings.chosen_transport == "h2":
        from translator.transport.h2.server import H2Transport  # noqa: PLC0415 -- see above

        lean = H2Transport(new_session)
        return lean, await lean.start(address, socket_mode=mode, socket_owner=owner)
    from translator.transport.grpcio import GrpcTransport  # noqa: PLC0415 -- see above

    full = GrpcTransport(new_session)
    port = await full.start(address, tls=settings.tls, socket_mode=mode, socket_owner=owner)
    return full, port
