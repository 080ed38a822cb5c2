"""A translator with some workers, started without waiting, and how one learns that it serves."""

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
_PAUSE = 0.002  # seconds between two looks, so that much may be missed


@dataclass(frozen=True, slots=True)
class Fleet:
    """What runs.

    Attributes:
        server: the process that was started.
        ports: where its workers listen, on loopback.
    """

    server: stack.Server
    ports: Sequence[int]

    @property
    def pid(self) -> int:
        """The number of that process."""
        return self.server.pid

    def workers(self) -> list[int]:
        """Process numbers of the workers: of the process itself, if it is the only one."""
        if len(self.ports) == 1:
            return [self.pid]
        return [*map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())]

    def wait(self) -> None:
        """Wait until all of the workers say that they are SERVING.

        Raises:
            BenchError: they do not.
            StackError: the process has ended.
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
    """Start a translator; give it at once; stop it.

    Args:
        workers: how many.
        folder: takes the log.
        options: further flags.
    """
    port = _ports(workers)
    argv = [sys.executable, "-m", "translator", "serve", f"--listen=127.0.0.1:{port}"]
    more = [] if workers == 1 else [f"--workers={workers}"]
    with stack.Server(
        "The translator",
        [*argv, *more, *options],
        log=folder / f"translator-{port}.log",
        ready=lambda: True,  # whoever wants to know looks more often than a Server does
    ) as server:
        yield Fleet(server, range(port, port + workers))


def _ports(count: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        first = stack.free_port()
        if not any(stack.accepts(first + more) for more in range(1, count)):
            return first
