"""Runs the transport until it is told to stop."""

import asyncio
import json
import logging
import signal
from collections.abc import Mapping

import msgspec

from translator import __version__
from translator.serving.admin import Admin, Page
from translator.serving.current import CurrentSettings
from translator.serving.sessions import Sessions
from translator.transport.grpcio import GrpcTransport

logger = logging.getLogger(__name__)

_TEXT, _JSON = "text/plain; charset=utf-8", "application/json"


async def serve(current: CurrentSettings) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Raises:
        ListenError: an address cannot be bound.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    settings = current.settings
    sessions = Sessions(current)
    transport = GrpcTransport(sessions.new)
    listening = str(settings.listen)
    port = await transport.start(listening, tls=settings.tls, socket_mode=settings.socket_mode)
    if not listening.startswith("unix:"):
        listening = f"{listening.rpartition(':')[0]}:{port}"
    watching = asyncio.create_task(current.watch())
    try:
        admin = Admin(settings.admin, _pages(current, sessions, stop)) if settings.admin else None
        logger.info("ready on %s", listening)
        await stop.wait()
    finally:
        watching.cancel()
        await transport.drain(settings.grace)
    if admin is not None:
        admin.close()
    logger.info("stopped")


def _pages(current: CurrentSettings, sessions: Sessions, stop: asyncio.Event) -> Mapping[str, Page]:
    def readiness() -> tuple[int, str, bytes]:
        return (503, _TEXT, b"draining\n") if stop.is_set() else (200, _TEXT, b"ready\n")

    def configuration() -> tuple[int, str, bytes]:
        return 200, _JSON, msgspec.json.encode(current.settings, enc_hook=str)

    return {
        "/healthz": lambda: (200, _TEXT, b"alive\n"),
        "/readyz": readiness,
        "/config": configuration,
        "/version": lambda: (200, _JSON, json.dumps({"version": __version__}).encode()),
        "/metrics": _metrics(current, sessions),
    }


def _metrics(current: CurrentSettings, sessions: Sessions) -> Page:
    try:
        from translator.serving.metrics import Metrics  # noqa: PLC0415 -- its library is an extra
    except ImportError:
        missing = b"metrics need the extra: pip install 'oip-translator[metrics]'\n"
        return lambda: (501, _TEXT, missing)
    metrics = Metrics(sessions, current)
    return lambda: (200, "text/plain; version=0.0.4; charset=utf-8", metrics.render())
