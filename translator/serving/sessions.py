"""The sessions of one process: their number and their records."""

from collections import Counter
from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING

from translator.exchange.record import Record
from translator.extproc.session import Session
from translator.serving.logs import log_exchange
from translator.settings.current import CurrentSettings
from translator.transport.service import Stream

if TYPE_CHECKING:
    from translator.serving.tracing import Tracing

Listener = Callable[[Record], None]
"""Called with the record of each exchange that ended."""


class Sessions:
    """Creates the session of each new stream, and is notified of its end.

    Args:
        current: the settings; each session keeps the settings that it began with.
        tracing: starts the span of each exchange; None for no tracing.

    Attributes:
        open: the number of open sessions.
        working: those whose whole request has arrived, by connection.
        total: the number of all sessions.
        listeners: called with the record of each session that has ended.
        on_enough: called once, when there have been ``max_exchanges_per_worker``.
    """

    def __init__(self, current: CurrentSettings, tracing: "Tracing | None" = None) -> None:
        self._current = current
        self._tracing = tracing
        self.open = self.total = 0
        self.working: Counter[Hashable] = Counter()
        self.on_enough: Callable[[], None] | None = None
        self.listeners: list[Listener] = [log_exchange]

    def new(self, stream: Stream) -> Session:
        """Create a session. It refuses its exchange if there are too many already.

        Args:
            stream: the gRPC stream.
        """
        self.open += 1
        self.total += 1
        if 0 < self._current.settings.max_exchanges_per_worker <= self.total and self.on_enough:
            self.on_enough()
            self.on_enough = None
        work = _Work(self, stream.connection)
        overloaded = self.overloaded(stream.connection)
        tracer = None if self._tracing is None else partial(self._tracing.begin, stream.metadata())
        return Session(
            self._current.exchange,
            partial(self._ended, work),
            overloaded=overloaded,
            begin=work.begin,
            tracer=tracer,
        )

    def overloaded(self, connection: Hashable) -> bool:
        """Whether one more exchange of a connection would be too many.

        A connection that has fewer than its share may exceed the limit, so that one connection
        cannot use up the exchanges of the others. The total is below twice the limit.
        """
        most = self._current.settings.max_exchanges
        if self.working.total() < most:
            return False
        share = most / len({*self.working, connection})
        return self.working[connection] + 1 > share

    def _ended(self, work: "_Work", record: Record) -> None:
        self.open -= 1
        work.end()
        for listener in self.listeners:
            listener(record)


class _Work:
    """What one exchange counts towards ``max_exchanges``: from its whole request to its end.

    A request that is still arriving does not count, or clients that never end their requests could
    use up the exchanges of all others.
    """

    __slots__ = ("_begun", "_connection", "_sessions")

    def __init__(self, sessions: Sessions, connection: Hashable) -> None:
        self._sessions = sessions
        self._connection = connection
        self._begun = False

    def begin(self) -> bool:
        """Count the exchange, unless there are too many."""
        if not self._sessions.overloaded(self._connection):
            self._begun = True
            self._sessions.working[self._connection] += 1
        return self._begun

    def end(self) -> None:
        """Count it no longer."""
        if self._begun:
            working = self._sessions.working
            working[self._connection] -= 1
            if not working[self._connection]:
                del working[self._connection]
