"""The transport on a socket of its own, its sessions counted, and what is left in the end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tests.unit.transport.running import SOON
from translator.extproc.replies import Reply
from translator.extproc.session import Session
from translator.transport import h2
from translator.transport.h2.limits import DEFAULTS, Limits
from translator.transport.h2.server import H2Transport
from translator.transport.service import Stream

LONG = 120.0  # a grace that no test waits for


class Counted(Session):
    """A session that counts what it is asked, and how often it is closed.

    Attributes:
        asked: how often it was.
        closed: likewise.
        at_end: called as it is closed.
    """

    def __init__(self, answer: Callable[[bytes | bytearray], bytes] | None = None) -> None:
        super().__init__()
        self.asked = self.closed = 0
        self.at_end: Callable[[], object] = lambda: None
        self._instead = answer

    def respond(self, message: bytes | bytearray) -> Reply | None:
        """See :class:`Session`; or what the test wants to be answered."""
        self.asked += 1
        return super().respond(message) if self._instead is None else Reply(self._instead(message))

    def close(self) -> None:
        """See :class:`Session`."""
        self.closed += 1
        self.at_end()
        super().close()


class Served:
    """A transport that runs.

    Attributes:
        transport: it.
        address: where it listens.
        sessions: all it has had.
        metadata: of each.
    """

    def __init__(
        self, limits: Limits, answer: Callable[[bytes | bytearray], bytes] | None = None
    ) -> None:
        self.sessions: list[Counted] = []
        self.metadata: list[Mapping[str, str]] = []
        self.address = ""
        self.transport = H2Transport(self._new, limits)
        self._answer = answer

    @property
    def peers(self) -> list[Any]:
        """The connections that are open."""
        return list(self.transport._peers)  # noqa: SLF001 -- what must not be left has no other name

    @property
    def calls(self) -> int:
        """How many calls are held, by their connections or for the drain."""
        services = self.transport._services  # noqa: SLF001 -- as above
        held = [stream for peer in self.peers for stream in peer._calls]  # noqa: SLF001 -- as above
        return len(held) + len(services.open)

    @property
    def listens_to(self) -> list[bool]:
        """Of each connection, whether it is read from."""
        return [peer._transport.is_reading() for peer in self.peers]  # noqa: SLF001 -- as above

    def is_done_with(self, number: int) -> bool:
        """Whether it has had so many sessions, all of which are over."""
        return len(self.sessions) == number and not self.calls

    def _new(self, stream: Stream) -> Session:
        self.metadata.append(stream.metadata())
        self.sessions.append(Counted(self._answer))
        return self.sessions[-1]


@contextmanager
def nothing_unhandled() -> Iterator[None]:
    """No callback fails, and no task that nobody awaits. asyncio reports both to the loop."""
    loop = asyncio.get_running_loop()
    reported: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: reported.append(context))
    yield
    loop.set_exception_handler(None)
    assert not reported, reported


@asynccontextmanager
async def serving(
    address: str = "127.0.0.1:0",
    limits: Limits = DEFAULTS,
    answer: Callable[[bytes | bytearray], bytes] | None = None,
) -> AsyncIterator[Served]:
    """Serve; in the end nothing is left, nothing has failed, and each session was closed once.

    Args:
        address: where.
        limits: of each connection.
        answer: what sessions do instead of what they should.
    """
    served = Served(limits, answer)
    port = await served.transport.start(address)
    served.address = address if address.startswith("unix:") else f"127.0.0.1:{port}"
    with nothing_unhandled():
        try:
            yield served
        finally:
            await served.transport.drain(0)
        assert not served.peers
        assert not served.calls
        assert {session.closed for session in served.sessions} <= {1}
        await until(lambda: not tasks())


def tasks() -> list[str]:
    """The server's tasks, by where they are."""
    coroutines: list[Any] = [task.get_coro() for task in asyncio.all_tasks()]
    files = [coroutine.cr_code.co_filename for coroutine in coroutines]
    return [file for file in files if Path(file).parent == Path(h2.__file__).parent]


async def until(condition: Callable[[], object]) -> None:
    """Let the server go on until something is so."""
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 -- what a server has heard is no event
            await asyncio.sleep(0)
