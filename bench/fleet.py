"""A translator with several workers, started without waiting, and a wait until it serves."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.results import BenchError
from demo import stack
from translator.transport.health.client import status
from translator.transport.unary import NoResponseError

_PATIENCE = 60.0  # seconds until all serve
_PAUSE = 0.002  # seconds between two checks: the resolution of the measurement


@dataclass(frozen=True, slots=True)
class Fleet:
    """The running processes.

    Attributes:
        server: the process that was started.
        ports: the loopback ports of its workers.
    """

    server: stack.Server
    ports: Sequence[int]

    @property
    def pid(self) -> int:
        """The id of that process."""
        return self.server.pid

    def workers(self) -> list[int]:
        """The process ids of the workers; with one worker, that of the process itself."""
        if len(self.ports) == 1:
            return [self.pid]
        return [*map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())]

    def wait(self) -> None:
        """Wait until all workers report SERVING.

        Raises:
            BenchError: they do not.
            StackError: the process has exited.
        """
        asyncio.run(self._wait())

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await asyncio.gather(*map(self._serves, self.ports))
        except TimeoutError as error:
            raise BenchError(f"workers on {self.ports} do not serve") from error

    async def _serves(self, port: int) -> None:
        while self.server.poll() is None:
            try:
                if await status(f"127.0.0.1:{port}", "", _PATIENCE) == "SERVING":
                    return
            except NoResponseError:
                await asyncio.sleep(_PAUSE)
        raise stack.StackError(f"{self.server.name} has ended.", self.server.log)


@contextmanager
def started(workers: int, folder: Path, *options: str) -> Iterator[Fleet]:
    """Start a translator and yield it at once; stop it at the end.

    Args:
        workers: their number.
        folder: for the log.
        options: further flags.
    """
    port = _ports(workers)
    argv = [sys.executable, "-m", "translator", "serve", f"--listen=127.0.0.1:{port}"]
    more = [] if workers == 1 else [f"--workers={workers}"]
    with stack.Server(
        "The translator",
        [*argv, *more, *options],
        log=folder / f"translator-{port}.log",
        ready=lambda: True,  # Fleet.wait checks more often than a Server does
    ) as server:
        yield Fleet(server, range(port, port + workers))


def _ports(count: int) -> int:
    """The first of ``count`` consecutive free ports."""
    while True:
        first = stack.free_port()
        if not any(stack.accepts(first + more) for more in range(1, count)):
            return first
