"""The interface to tracing."""

from collections.abc import Callable, Mapping
from typing import Protocol

from translator.exchange.actions import Headers
from translator.exchange.record import Record


class Span(Protocol):
    """The span of one exchange, from the request headers to the end."""

    @property
    def headers(self) -> Headers:
        """The trace headers for the model server."""

    def end(self, record: Record) -> None:
        """End the span, with the facts of the record."""


Tracer = Callable[[Mapping[str, str]], Span]
"""Starts a span, given the request headers."""
