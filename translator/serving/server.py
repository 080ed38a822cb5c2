"""Runs the transport until it is told to stop."""

import asyncio
import logging
import signal

from translator.serving.current import CurrentSettings
from translator.serving.sessions import Sessions
from translator.transport.grpcio import GrpcTransport

logger = logging.getLogger(__name__)


async def serve(current: CurrentSettings) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Raises:
        ListenError: the address cannot be bound.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    transport = GrpcTransport(Sessions(current).new)
    listening = str(current.settings.listen)
    settings = current.settings
    port = await transport.start(listening, tls=settings.tls, socket_mode=settings.socket_mode)
    if not listening.startswith("unix:"):
        listening = f"{listening.rpartition(':')[0]}:{port}"
    watching = asyncio.create_task(current.watch())
    logger.info("ready on %s", listening)
    await stop.wait()
    watching.cancel()
    await transport.drain(current.settings.grace)
    logger.info("stopped")
