"""Shares the time of a process among calls, so that a busy stream does not delay the others."""

import asyncio
from heapq import heappop, heappush
from time import monotonic
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from translator.transport.h2.calls import Call

_TURN = 0.001  # seconds after which the sockets are read and written again


class Owner(Protocol):
    """The connection of a call."""

    def served(self, call: "Call") -> None:
        """A call has had a turn."""

    def flush(self) -> None:
        """Send what can be sent."""


class Turns:
    """The calls of a process that have a message to process.

    The call that has used the least time is next. A call that was idle gets no credit for that
    time: it continues with at least the used time of the current call.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Call, Owner]] = []
        self._used = 0.0  # the used time of the current or last call
        self._number = 0  # calls with the same time are served in order of arrival
        self._scheduled = False

    def add(self, call: "Call", owner: Owner) -> None:
        """Queue a call for a turn, unless it is queued."""
        if not call.waits:
            call.waits = True
            call.used = max(call.used, self._used)
            self._push(call, owner)

    def _push(self, call: "Call", owner: Owner) -> None:
        self._number += 1
        heappush(self._waiting, (call.used, self._number, call, owner))

    def run(self) -> None:
        """Let the calls process messages for a short time, and continue later if some remain."""
        if self._scheduled:
            return
        began = started = monotonic()
        owners = set()
        while self._waiting and started - began < _TURN:
            self._used, _, call, owner = heappop(self._waiting)
            more = call.step()
            ended = monotonic()
            call.used += ended - started
            started = ended
            if more:
                self._push(call, owner)
            else:
                call.waits = False
            owner.served(call)
            owners.add(owner)
        for owner in owners:
            owner.flush()
        if self._waiting:
            self.schedule()

    def schedule(self) -> None:
        """Call :meth:`run` after the sockets have been read and written."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._resume)

    def _resume(self) -> None:
        self._scheduled = False
        self.run()
