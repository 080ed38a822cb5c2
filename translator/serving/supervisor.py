"""The supervisor of several workers, each a process with its own endpoint.

One Python process uses one core, and Envoy opens one connection for each endpoint, so processes on
one port would not share the load. The supervisor starts the workers, restarts those that exit,
forwards signals, and serves the admin port for all of them. It accepts no streams: no gRPC here.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import msgspec

from translator.serving.admin import ALIVE, JSON, TEXT, Admin, Page, metrics_page, no_metrics
from translator.serving.worker import Worker, WorkerError
from translator.settings.current import LAST_GOOD, CurrentSettings
from translator.settings.definition import FIXED, Settings
from translator.settings.sources import as_flags, flag, shown

logger = logging.getLogger(__name__)

_PATIENCE = 1.0  # seconds for a worker's response to an admin request
_OK = 200


async def supervise(
    current: CurrentSettings,
    flags: Mapping[str, str],
    file: Path | None,
    *,
    beyond_grace: float = 8.0,
) -> int:
    """Run the workers until SIGTERM or SIGINT, then drain them.

    Args:
        current: the settings.
        flags: the settings given as flags, by name.
        file: the settings file, or None.
        beyond_grace: seconds for a worker to exit after its streams: to end the streams it cut and
            to send its last spans.

    Returns:
        0 if all workers exited well; 1 if not, or if a worker failed to start at first.

    Raises:
        ListenError: the admin address cannot be bound.
    """
    settings = current.settings
    stop = asyncio.Event()
    workers = [
        Worker(index, command(index, flags, file, settings), lambda: environment(current.settings))
        for index in range(settings.workers.count)
    ]

    def reload() -> None:
        current.reload()
        for worker in workers:
            worker.reload()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    admin = Admin(settings.admin, _pages(workers, stop)) if settings.admin else None
    watching = asyncio.create_task(current.watch())
    try:
        started = await _run(workers, stop)
    finally:
        watching.cancel()
        patience = settings.grace + beyond_grace
        well = await asyncio.gather(*(worker.stop(patience) for worker in workers))
    if admin is not None:
        admin.close()
    logger.info("all workers stopped")
    return 0 if started and all(well) else 1


def command(
    index: int, flags: Mapping[str, str], file: Path | None, settings: Settings
) -> list[str]:
    """The command line of a worker: the supervisor's flags, and the settings that must not change.

    A worker that starts later reads the current file, but settings that need a restart must be the
    same for all workers. They are passed as flags, which override the file.
    """
    options = dict(flags)
    if file is not None:
        values = {name: getattr(settings, name) for name in sorted(FIXED)}
        options |= {name: shown(value) for name, value in values.items() if value is not None}
    return [
        sys.executable,
        # -m adds the working directory to the module path. A worker must not have it there,
        # unless this process does.
        *([] if "-m" in sys.orig_argv else ["-P"]),
        *("-m", "translator", "worker", str(index)),
        *([] if file is None else [f"--config={file}"]),
        *(f"{flag(name)}={text}" for name, text in options.items()),
    ]


def environment(settings: Settings) -> dict[str, str]:
    """The current settings, for a worker that starts while the file is invalid."""
    return {LAST_GOOD: msgspec.json.encode(as_flags(settings)).decode()}


async def _run(workers: Sequence[Worker], stop: asyncio.Event) -> bool:
    """Keep the workers running until ``stop``, which is set if a worker fails to start at first.

    Returns:
        Whether all have started.
    """
    failed = False
    replacing = asyncio.Lock()  # one after the other, so that the others take its streams

    async def run(worker: Worker) -> None:
        nonlocal failed
        try:
            await worker.start()
        except WorkerError as error:
            logger.error("worker %d %s; stopping all workers", worker.index, error)  # noqa: TRY400 -- the message is enough
            failed = True
            stop.set()
            return
        if all(other.ready for other in workers):
            logger.info("all %d workers are ready", len(workers))
        await worker.keep(replacing)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(worker)) for worker in workers]
        await stop.wait()
        for task in tasks:
            task.cancel()
    return not failed


def _pages(workers: Sequence[Worker], stop: asyncio.Event) -> Mapping[str, Page]:
    def readiness() -> tuple[int, str, bytes]:
        if stop.is_set():
            return 503, TEXT, b"draining\n"
        ready = sum(worker.ready is not None for worker in workers)
        said = f"{ready} of {len(workers)} workers are ready\n"
        return (_OK if ready else 503), TEXT, said.encode()

    def configuration() -> tuple[int, str, bytes]:
        for worker in workers:
            found = _ask(worker, "/config")
            if found is not None:
                return _OK, JSON, found
        return 503, TEXT, b"no worker responds\n"

    return {
        **ALIVE,
        "/readyz": readiness,
        "/config": configuration,
        "/metrics": _metrics(workers),
    }


def _metrics(workers: Sequence[Worker]) -> Page:
    try:
        from translator.serving import worker_metrics  # noqa: PLC0415 -- its library is an extra
    except ImportError:
        return no_metrics

    def render() -> bytes:
        with ThreadPoolExecutor(
            len(workers)
        ) as pool:  # so that several that hang cost one time-out
            responses = list(pool.map(lambda worker: _ask(worker, "/metrics"), workers))
        texts = {i: text.decode() for i, text in enumerate(responses) if text is not None}
        return worker_metrics.render(workers, texts)

    return metrics_page(render)


def _ask(worker: Worker, path: str) -> bytes | None:
    """The body of a worker's own page; None without such a page or a response in time."""
    ready = worker.ready
    if ready is None or ready.admin is None:
        return None
    try:
        with closing(HTTPConnection("127.0.0.1", ready.admin, timeout=_PATIENCE)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.read() if response.status == _OK else None
    except (OSError, HTTPException):
        return None
