"""The sessions of one process: how many there are, and what each came to."""

from collections.abc import Callable

from translator.exchange.record import Record
from translator.exchange.span import Tracer
from translator.extproc.session import Session
from translator.serving.current import CurrentSettings
from translator.serving.logs import log_exchange

Listener = Callable[[Record], None]
"""Hears what an exchange came to."""


class Sessions:
    """Makes the session of each new stream, and hears of its end.

    Args:
        current: the settings; each session keeps those it begins with.
        tracer: begins the span of an exchange; None for no tracing.
    """

    def __init__(self, current: CurrentSettings, tracer: Tracer | None = None) -> None:
        self._current = current
        self._tracer = tracer
        self.open = 0
        self.listeners: list[Listener] = [log_exchange]

    def new(self) -> Session:
        """A session; one that refuses its exchange if there are too many already."""
        self.open += 1
        overloaded = self.open > self._current.settings.max_exchanges
        return Session(
            self._current.exchange, self._ended, overloaded=overloaded, tracer=self._tracer
        )

    def _ended(self, record: Record) -> None:
        self.open -= 1
        for listener in self.listeners:
            listener(record)
