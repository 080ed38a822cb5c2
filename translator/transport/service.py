"""Envoy's gRPC service, and the interface of a transport."""

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from translator.extproc._proto.external_processor_pb2 import DESCRIPTOR

if TYPE_CHECKING:
    from translator.extproc.session import Session

MIB = 1024 * 1024

MESSAGE = 256 * MIB
"""Bytes of the largest message. A whole body is one, and the limits of bodies are far below."""

STREAMS = 20_000
"""Open streams of one connection. It is twice the default of ``max_exchanges``, because exchanges
above that get a response too."""

SERVICE: str = DESCRIPTOR.services_by_name["ExternalProcessor"].full_name
"""The name of the service. Its only method is ``Process``."""


class Stream(NamedTuple):
    """A new gRPC stream.

    Attributes:
        metadata: returns its headers.
        connection: equal for streams of one connection only, as far as the transport can tell.
    """

    metadata: Callable[[], Mapping[str, str]]
    connection: Hashable


NewSession = Callable[[Stream], "Session"]
"""Creates the session of a new stream."""


class Transport(Protocol):
    """A running server of the service."""

    @property
    def certificate_reloads(self) -> Mapping[str, int]:
        """How many changed certificates were ``taken``, and ``refused``."""

    async def retire(self) -> None:
        """Report NOT_SERVING, refuse new streams, and wait until the open ones have ended."""

    async def drain(self, grace: float) -> None:
        """Report NOT_SERVING, refuse new streams, let open ones finish for ``grace`` seconds."""
