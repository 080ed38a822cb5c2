"""The sessions of one process: how many there are, and what each came to."""

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
"""Hears what an exchange came to."""


class Sessions:
    """Makes the session of each new stream, and hears of its end.

    Args:
        current: the settings; each session keeps those it begins with.
        tracing: begins the span of each exchange; None for no tracing.
    """

    def __init__(self, current: CurrentSettings, tracing: "Tracing | None" = None) -> None:
        self._current = current
        self._tracing = tracing
        self.open = 0
        self.listeners: list[Listener] = [log_exchange]

    def new(self, metadata: Metadata) -> Session:
        """A session; one that refuses its exchange if there are too many already.

        Args:
            metadata: gives the headers of the gRPC stream.
        """
        self.open += 1
        overloaded = self.open > self._current.settings.max_exchanges
        tracer = None if self._tracing is None else partial(self._tracing.begin, metadata())
        return Session(self._current.exchange, self._ended, overloaded=overloaded, tracer=tracer)

    def _ended(self, record: Record) -> None:
        self.open -= 1
        for listener in self.listeners:
            listener(record)
