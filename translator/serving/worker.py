"""One of several worker processes: its pipes to the supervisor, and how it is kept running.

On standard output a worker reports its addresses, as a line of JSON, and later that it should be
replaced. Standard input carries no data: when it ends, the supervisor has exited for any reason.
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
_SETTLING = 2.0  # seconds until Envoy sends streams to a new process
_LONG_ENOUGH = 30.0  # seconds of running after which the backoff starts over


RETIRE = signal.SIGUSR1
"""Makes a worker refuse new streams, and exit when the open ones have ended."""


class Ready(msgspec.Struct, frozen=True):
    """What a worker reports when it accepts streams.

    Attributes:
        listening: the address of its endpoint.
        admin: the loopback port of its own admin pages, or None.
    """

    listening: str
    admin: int | None


class Reports:
    """The reports of a worker to its supervisor.

    Later output on standard output goes to standard error.
    """

    def __init__(self) -> None:
        self._pipe = os.dup(_STDOUT)
        os.dup2(_STDERR, _STDOUT)

    def ready(self, ready: Ready) -> None:
        """It accepts streams."""
        self._tell(msgspec.json.encode(ready))

    def enough(self) -> None:
        """It has had ``max_exchanges_per_worker``, and should be replaced."""
        self._tell(b"enough")

    def _tell(self, line: bytes) -> None:
        with suppress(BrokenPipeError):  # the supervisor is gone; the end of standard input says so
            os.write(self._pipe, line + b"\n")


def when_supervisor_is_gone(act: Callable[[], object]) -> None:
    """Call ``act`` in the running loop when the supervisor exits."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        if not os.read(_STDIN, 1):
            loop.remove_reader(_STDIN)
            logger.warning("the supervisor has exited")
            act()

    loop.add_reader(_STDIN, look)


class WorkerError(Exception):
    """A worker exited or could not be started. The message follows "worker N"."""


class Backoff:
    """The pause before the next start: doubles each time, until a process has run long enough."""

    def __init__(self) -> None:
        self._pause = _FIRST_PAUSE

    def after(self, ran: float) -> float:
        """The seconds to wait after a process that ran for ``ran`` seconds."""
        pause = _FIRST_PAUSE if ran >= _LONG_ENOUGH else self._pause
        self._pause = min(pause * 2, _LONGEST_PAUSE)
        return pause


class Worker:
    """A worker's process and its successors.

    Args:
        index: its number, from 0.
        argv: the command line.
        environment: returns the variables to add to the environment of each process.

    Attributes:
        ready: what the process reported when it was ready; None before that and after its exit.
        restarts: the number of unexpected exits.
        replacements: the number of exits after ``max_exchanges_per_worker``.
    """

    def __init__(
        self,
        index: int,
        argv: Sequence[str],
        environment: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.index = index
        self.ready: Ready | None = None
        self.restarts = self.replacements = 0
        self._argv = argv
        self._environment = environment
        self._process: Process | None = None
        self._began = 0.0

    async def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            WorkerError: it exited before that, or cannot be started.
        """
        self._began = time.monotonic()
        try:
            # In its own process group it does not get Ctrl-C from the terminal; the supervisor
            # sends SIGTERM instead.
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
            with suppress(msgspec.DecodeError):  # not the report
                self.ready = msgspec.json.decode(line, type=Ready)
                return
        raise WorkerError(await self._ended())

    async def keep(self, replacing: asyncio.Lock) -> None:
        """Restart it whenever it exits, and replace it when it asks for that. Never returns.

        Args:
            replacing: held while a worker is replaced.
        """
        backoff = Backoff()
        how = await self._run(replacing)
        while True:
            self.ready = None
            self.restarts += 1
            pause = backoff.after(time.monotonic() - self._began)
            logger.error("worker %d %s; restarting in %g s", self.index, how, pause)
            await asyncio.sleep(pause)
            try:
                await self.start()
                how = await self._run(replacing)
            except WorkerError as error:
                how = str(error)

    async def _run(self, replacing: asyncio.Lock) -> str:
        """Wait until it exits unexpectedly; returns how. Replaces it when it asks for that."""
        while await self._asks():
            async with replacing:
                logger.info("worker %d is replaced when its streams have ended", self.index)
                self._send(RETIRE)
                how = await self._ended()
                self.ready = None
                self.replacements += 1
                try:
                    await self.start()
                except WorkerError as error:
                    return str(error)
                logger.info("worker %d %s and was replaced", self.index, how)
                await asyncio.sleep(_SETTLING)
        return await self._ended()

    async def _asks(self) -> bool:
        """Wait for its next report; returns whether there is one."""
        assert self._process is not None  # noqa: S101 -- it was started
        output = self._process.stdout
        assert output is not None  # noqa: S101 -- it is a pipe
        return bool(await output.readline())

    def reload(self) -> None:
        """Make it reload its settings. A worker that is starting reads them anyway."""
        if self.ready is not None:
            self._send(signal.SIGHUP)

    async def stop(self, patience: float) -> bool:
        """Drain and stop it; kill it after ``patience`` seconds. Returns whether it exited well."""
        process = self._process
        if process is None or process.returncode is not None:
            return True
        good = (0,) if self.ready else (0, -signal.SIGTERM)  # without a handler for SIGTERM yet
        self._send(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            logger.error("worker %d has not exited within %g s; killing it", self.index, patience)  # noqa: TRY400 -- the message is enough
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
            return f"exited with status {status}"
        with suppress(ValueError):  # not every signal has a name
            return f"was killed by {signal.Signals(-status).name}"
        return f"was killed by signal {-status}"
