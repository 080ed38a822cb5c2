"""Runs the transport until it is told to stop."""

import asyncio
import logging
import signal

from translator.extproc.session import Session
from translator.serving.settings import Settings
from translator.transport.grpcio import GrpcTransport

logger = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Raises:
        ListenError: the address cannot be bound.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    transport = GrpcTransport(lambda: Session(settings.exchange))
    port = await transport.start(settings.listen)
    listening = settings.listen
    if not listening.startswith("unix:"):
        listening = f"{listening.rpartition(':')[0]}:{port}"
    logger.info("ready on %s", listening)
    await stop.wait()
    await transport.drain(settings.grace)
    logger.info("stopped")
