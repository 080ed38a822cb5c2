"""Runs the transport until SIGTERM or SIGINT."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from translator.serving.admin import ALIVE, JSON, TEXT, Admin, Page, metrics_page, no_metrics
from translator.serving.listening import listen
from translator.serving.log_writer import LogWriter
from translator.serving.sessions import Sessions
from translator.serving.worker import RETIRE, Ready, Reports, when_supervisor_is_gone
from translator.settings.current import CurrentSettings
from translator.settings.definition import Settings
from translator.transport.service import Transport

if TYPE_CHECKING:
    from translator.serving.tracing import Tracing

logger = logging.getLogger(__name__)

_RETIREMENT = 3600.0  # seconds for the streams of a worker that is replaced
_ANY_PORT = "127.0.0.1:0"


async def serve(current: CurrentSettings, log: LogWriter, worker: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain. SIGHUP reloads the settings.

    Args:
        current: the settings.
        log: its counts become metrics.
        worker: the number of this worker, if a supervisor started it. Then the supervisor has
            the admin port, and this process opens one of its own on any free loopback port.

    Raises:
        ListenError: an address cannot be bound.
        SettingsError: the tracing configuration in the environment is invalid.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, current.reload)
    retire = asyncio.Event()
    if worker is not None:
        when_supervisor_is_gone(stop.set)
        loop.add_signal_handler(RETIRE, retire.set)

    def ends() -> bool:
        return stop.is_set() or retire.is_set()

    settings = current.settings
    tracing = _tracing(settings)
    sessions = Sessions(current, tracing)
    listening = settings.listen.of(worker or 0)
    transport, port = await listen(settings, listening, sessions.new)
    if not listening.startswith("unix:"):
        listening = f"{listening.rpartition(':')[0]}:{port}"
    watching = asyncio.create_task(current.watch())
    try:
        address = settings.admin if worker is None or not settings.admin else _ANY_PORT
        admin = Admin(address, _pages(current, sessions, transport, log, ends)) if address else None
        if worker is not None:
            reports = Reports()
            reports.ready(Ready(listening, admin.port if admin else None))
            sessions.on_enough = reports.enough
        logger.info("ready on %s", listening)
        await _first(stop.wait(), retire.wait())
        if retire.is_set() and not stop.is_set():
            # Much longer than the grace: the other workers serve meanwhile, and nothing is lost.
            await _first(stop.wait(), transport.retire(), asyncio.sleep(_RETIREMENT))
    finally:
        watching.cancel()
        await transport.drain(settings.grace)
    if admin is not None:
        admin.close()
    if tracing is not None:
        tracing.close()
    logger.info("stopped")


async def _first(*events: Coroutine[Any, Any, object]) -> None:
    """Wait until one of them is over, and cancel the others."""
    tasks = [asyncio.create_task(event) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _tracing(settings: Settings) -> "Tracing | None":
    if not settings.tracing:
        return None
    from translator.serving.tracing import from_environment  # noqa: PLC0415 -- an extra's libraries

    return from_environment()


def _pages(
    current: CurrentSettings,
    sessions: Sessions,
    transport: Transport,
    log: LogWriter,
    ends: Callable[[], bool],
) -> Mapping[str, Page]:
    def readiness() -> tuple[int, str, bytes]:
        return (503, TEXT, b"draining\n") if ends() else (200, TEXT, b"ready\n")

    def configuration() -> tuple[int, str, bytes]:
        return 200, JSON, msgspec.json.encode(current.settings, enc_hook=str)

    return {
        **ALIVE,
        "/readyz": readiness,
        "/config": configuration,
        "/metrics": _metrics(current, sessions, transport, log),
    }


def _metrics(
    current: CurrentSettings, sessions: Sessions, transport: Transport, log: LogWriter
) -> Page:
    try:
        from translator.serving.metrics import Metrics  # noqa: PLC0415 -- its library is an extra
    except ImportError:
        return no_metrics
    return metrics_page(Metrics(sessions, current, transport.certificate_reloads, log).render)
