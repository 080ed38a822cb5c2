"""Envoy's gRPC service, and the interface of a transport."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from translator.extproc._proto.external_processor_pb2 import DESCRIPTOR

if TYPE_CHECKING:
    from translator.extproc.session import Session

SERVICE: str = DESCRIPTOR.services_by_name["ExternalProcessor"].full_name
"""The name of the service. Its only method is ``Process``."""

Metadata = Callable[[], Mapping[str, str]]
"""Returns the headers of a gRPC stream."""

NewSession = Callable[[Metadata], "Session"]
"""Creates the session of a new stream."""


class Transport(Protocol):
    """A running server of the service."""

    @property
    def certificate_reloads(self) -> Mapping[str, int]:
        """How many changed certificates were ``taken``, and ``refused``."""

    async def drain(self, grace: float) -> None:
        """Report NOT_SERVING, refuse new streams, let open ones finish for ``grace`` seconds."""
