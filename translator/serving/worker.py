"""One of several worker processes: what ties it to its supervisor, and how that keeps it running.

Two pipes tie them. On standard output a worker says once, in a line of JSON, where it is reached.
Standard input carries nothing: that it ends tells the worker that its supervisor is gone, however
that came about.
"""

import asyncio
import logging
import os
import signal
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import msgspec

logger = logging.getLogger(__name__)

_STDIN, _STDOUT, _STDERR = range(3)
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0
_LONG_ENOUGH = 30.0  # seconds of life after which an end is no longer the last one's fault


class Ready(msgspec.Struct, frozen=True):
    """What a worker says when it takes streams.

    Attributes:
        listening: its endpoint.
        admin: the loopback port of its own pages for operators, if it has them.
    """

    listening: str
    admin: int | None


def tell_ready(ready: Ready) -> None:
    """Say it to the supervisor. What is printed from then on goes to the log."""
    os.write(_STDOUT, msgspec.json.encode(ready) + b"\n")
    os.dup2(_STDERR, _STDOUT)


def when_supervisor_is_gone(act: Callable[[], object]) -> None:
    """Call ``act`` in the running loop when the supervisor has ended."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        if not os.read(_STDIN, 1):
            loop.remove_reader(_STDIN)
            logger.warning("the supervisor is gone")
            act()

    loop.add_reader(_STDIN, look)


class WorkerError(Exception):
    """A worker ended, or could not be started. The message says how, after "it"."""


class Backoff:
    """How long to wait before the next start: longer each time, until one has lived long enough."""

    def __init__(self) -> None:
        self._pause = _FIRST_PAUSE

    def after(self, lived: float) -> float:
        """The seconds to wait after a process that lived so many seconds."""
        pause = _FIRST_PAUSE if lived >= _LONG_ENOUGH else self._pause
        self._pause = min(pause * 2, _LONGEST_PAUSE)
        return pause


class Worker:
    """A worker's process, and after it the next.

    Args:
        index: its number, from 0.
        argv: the command line.
        environment: gives the variables added to the environment of each process.

    Attributes:
        ready: what the process said when it was ready; None before that, and once it has ended.
        restarts: how often it ended without being told to.
    """

    def __init__(
        self,
        index: int,
        argv: Sequence[str],
        environment: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.index = index
        self.ready: Ready | None = None
        self.restarts = 0
        self._argv = argv
        self._environment = environment
        self._process: Process | None = None
        self._began = 0.0

    async def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            WorkerError: it ended before that, or cannot be started.
        """
        self._began = time.monotonic()
        try:
            # In a group of its own it does not get the terminal's Ctrl-C, which the supervisor
            # passes on as SIGTERM.
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=PIPE,
                stdout=PIPE,
                process_group=0,
                env={**os.environ, **self._environment()},
            )
        except OSError as error:
            msg = f"cannot be started: {error.strerror}"
            raise WorkerError(msg) from error
        output = self._process.stdout
        assert output is not None  # noqa: S101 -- it is a pipe
        async for line in output:
            with suppress(msgspec.DecodeError):  # something else was printed
                self.ready = msgspec.json.decode(line, type=Ready)
                return
        raise WorkerError(await self._ended())

    async def keep(self) -> None:
        """Start it again whenever it ends, for ever."""
        backoff = Backoff()
        how = await self._ended()
        while True:
            self.ready = None
            self.restarts += 1
            pause = backoff.after(time.monotonic() - self._began)
            logger.error("worker %d %s; it starts again in %g s", self.index, how, pause)
            await asyncio.sleep(pause)
            try:
                await self.start()
                how = await self._ended()
            except WorkerError as error:
                how = str(error)

    def reload(self) -> None:
        """Have it read its settings again. One that is still starting reads them anyway."""
        if self.ready is not None:
            self._send(signal.SIGHUP)

    async def stop(self, patience: float) -> bool:
        """Have it drain and end; after ``patience`` seconds end it. Gives whether all went well."""
        process = self._process
        if process is None or process.returncode is not None:
            return True
        good = (0,) if self.ready else (0, -signal.SIGTERM)  # it may not know of SIGTERM yet
        self._send(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            logger.error("worker %d has not ended in %g s and is killed", self.index, patience)  # noqa: TRY400 -- it says all
            self._send(signal.SIGKILL)
        how = await self._ended()
        self.ready = None
        if process.returncode not in good:
            logger.error("worker %d %s", self.index, how)
        return process.returncode in good

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            if self._process is not None:
                self._process.send_signal(number)

    async def _ended(self) -> str:
        assert self._process is not None  # noqa: S101 -- it was started
        status = await self._process.wait()
        if status >= 0:
            return f"ended with status {status}"
        with suppress(ValueError):  # not every signal has a name
            return f"was ended by {signal.Signals(-status).name}"
        return f"was ended by signal {-status}"
