"""The sessions of one process: their number and their records."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from translator.exchange.record import Record
from translator.extproc.session import Session
from translator.serving.logs import log_exchange
from translator.settings.current import CurrentSettings
from translator.transport.service import Metadata

if TYPE_CHECKING:
    from translator.serving.tracing import Tracing

Listener = Callable[[Record], None]
"""Called with the record of each exchange that ended."""


class Sessions:
    """Creates the session of each new stream, and is notified of its end.

    Args:
        current: the settings; each session keeps the settings that it began with.
        tracing: starts the span of each exchange; None for no tracing.
    """

    def __init__(self, current: CurrentSettings, tracing: "Tracing | None" = None) -> None:
        self._current = current
        self._tracing = tracing
        self.open = 0
        self.listeners: list[Listener] = [log_exchange]

    def new(self, metadata: Metadata) -> Session:
        """Create a session. It refuses its exchange if there are too many already.

        Args:
            metadata: returns the headers of the gRPC stream.
        """
        self.open += 1
        overloaded = self.open > self._current.settings.max_exchanges
        tracer = None if self._tracing is None else partial(self._tracing.begin, metadata())
        return Session(self._current.exchange, self._ended, overloaded=overloaded, tracer=tracer)

    def _ended(self, record: Record) -> None:
        self.open -= 1
        for listener in self.listeners:
            listener(record)
