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
        total: the number of all sessions.
        listeners: called with the record of each session that has ended.
        on_enough: called once, when there have been ``max_exchanges_per_worker``.
    """

    def __init__(self, current: CurrentSettings, tracing: "Tracing | None" = None) -> None:
        self._current = current
        self._tracing = tracing
        self.open = self.total = 0
        self._of_connection: Counter[Hashable] = Counter()
        self.on_enough: Callable[[], None] | None = None
        self.listeners: list[Listener] = [log_exchange]

    def new(self, stream: Stream) -> Session:
        """Create a session. It refuses its exchange if there are too many already.

        A connection that has fewer than its share may exceed the limit, so that one connection
        cannot use up the exchanges of the others. The total is below twice the limit.

        Args:
            stream: the gRPC stream.
        """
        self.open += 1
        self.total += 1
        if 0 < self._current.settings.max_exchanges_per_worker <= self.total and self.on_enough:
            self.on_enough()
            self.on_enough = None
        self._of_connection[stream.connection] += 1
        most = self._current.settings.max_exchanges
        share = most / len(self._of_connection)
        overloaded = self.open > most and self._of_connection[stream.connection] > share
        tracer = None if self._tracing is None else partial(self._tracing.begin, stream.metadata())
        ended = partial(self._ended, stream.connection)
        return Session(self._current.exchange, ended, overloaded=overloaded, tracer=tracer)

    def _ended(self, connection: Hashable, record: Record) -> None:
        self.open -= 1
        self._of_connection[connection] -= 1
        if not self._of_connection[connection]:
            del self._of_connection[connection]
        for listener in self.listeners:
            listener(record)
