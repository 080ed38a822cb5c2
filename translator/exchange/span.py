"""An exchange as a tracing system sees it: what is asked of whoever traces."""

from collections.abc import Callable, Mapping
from typing import Protocol

from translator.exchange.actions import Headers
from translator.exchange.record import Record


class Span(Protocol):
    """One exchange that is traced, from its request's headers to its end."""

    @property
    def headers(self) -> Headers:
        """What tells the model server that its work belongs to this span."""

    def end(self, record: Record) -> None:
        """The exchange has come to what the record says."""


Tracer = Callable[[Mapping[str, str]], Span]
"""Begins a span, given the request's headers."""
