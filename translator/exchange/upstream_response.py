"""The headers of the upstream response."""

from collections.abc import Mapping

import msgspec

from translator.errors import TranslatorError
from translator.exchange import upstream_errors
from translator.exchange.content_encoding import Decoder
from translator.exchange.headers import media_type, number

_EVENTS = "text/event-stream"


class UpstreamResponse(msgspec.Struct, frozen=True):
    """The headers of a response from the model server, a proxy before it, or Envoy.

    Attributes:
        headers: the headers that are read, and those that do not pass to the client.
    """

    headers: Mapping[str, str]

    @property
    def status(self) -> int:
        """The HTTP status; 0 if there is none."""
        return number(self.headers.get(":status")) or 0

    @property
    def succeeded(self) -> bool:
        """Whether it is 2xx."""
        return self.headers.get(":status", "").startswith("2")

    @property
    def is_events(self) -> bool:
        """Whether the body is a stream of events."""
        return media_type(self.headers) == _EVENTS

    @property
    def may_have_trailers(self) -> bool:
        """Whether Envoy may forward trailers after the body: in HTTP/1.1 it drops them.

        HTTP/1.1 is recognized by its chunks, which HTTP/2 does not have.
        """
        return "transfer-encoding" not in self.headers

    def decoder(self, limit: int) -> Decoder:
        """The decoder of its content-encoding. Raises UndecodableError for an unknown one."""
        return Decoder(self.headers.get("content-encoding", ""), limit)

    def error(self, body: bytes, model: str | None) -> TranslatorError:
        """The error for a response with a status other than 2xx.

        Args:
            body: the whole body, decoded.
            model: the model's name in the client's request.
        """
        return upstream_errors.from_response(self.status, body, model)


NO_RESPONSE = UpstreamResponse({})
"""Used until there is a response."""
