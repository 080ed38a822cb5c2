"""Envoy's gRPC service, as each transport serves it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from translator.extproc._proto.external_processor_pb2 import DESCRIPTOR

if TYPE_CHECKING:
    from translator.extproc.session import Session

SERVICE: str = DESCRIPTOR.services_by_name["ExternalProcessor"].full_name
"""Its name. It has one method, ``Process``."""

Metadata = Callable[[], Mapping[str, str]]
"""Gives the headers of a gRPC stream, for whoever wants to know."""

NewSession = Callable[[Metadata], "Session"]
"""Makes the session of a new stream."""


class Transport(Protocol):
    """A server of it that has been started."""

    @property
    def certificate_reloads(self) -> Mapping[str, int]:
        """How often a changed certificate was ``taken``, and ``refused``."""

    async def drain(self, grace: float) -> None:
        """Say NOT_SERVING, refuse new streams, give the open ones ``grace`` seconds to finish."""
