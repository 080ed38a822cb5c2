"""The health service: Check, List and Watch of grpc.health.v1.

The servicer of grpcio-health-checking (1.81) is not used, because it lacks ``List`` (gRFC A90), and
drops all watchers of a service when one of them disconnects, so that the others miss a drain.

Reflection describes the package's service, and so without ``List``.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from translator.transport.health import messages
from translator.transport.health.messages import NOT_SERVING, SERVICE_UNKNOWN, SERVING

Watch = Callable[[bytes], AsyncIterator[bytes]]
"""The type of :meth:`Health.watch`."""


class UnknownServiceError(Exception):
    """There is no such service."""


class Health:
    """The health of this server's services, in serialised messages. At first all are NOT_SERVING.

    Args:
        services: their full names. The server as a whole, "", is added to them.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._statuses = dict.fromkeys(("", *services), NOT_SERVING)
        self._changed = asyncio.Event()

    def set(self, *, serving: bool) -> None:
        """Set all services to SERVING or NOT_SERVING, and notify watchers."""
        self._statuses = dict.fromkeys(self._statuses, SERVING if serving else NOT_SERVING)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def check(self, request: bytes) -> bytes:
        """The response to ``Check``.

        Raises:
            UnknownServiceError: there is no such service.
            google.protobuf.message.DecodeError: ``request`` is not a HealthCheckRequest.
        """
        status = self._statuses.get(messages.read_request(request))
        if status is None:
            raise UnknownServiceError
        return messages.response(status)

    def listing(self, _request: bytes) -> bytes:
        """The response to ``List``, whose request has no fields."""
        return messages.listing(self._statuses)

    def watch(self, request: bytes) -> AsyncIterator[bytes]:
        """The responses to ``Watch``: one now, and one for each change.

        Raises:
            google.protobuf.message.DecodeError: ``request`` is not a HealthCheckRequest.
        """
        return self._follow(messages.read_request(request))

    async def _follow(self, service: str) -> AsyncIterator[bytes]:
        # By the protocol, an unknown service may be added later, so the stream stays open.
        last = None
        while True:
            changed = self._changed
            status = self._statuses.get(service, SERVICE_UNKNOWN)
            if status != last:
                yield messages.response(status)
            last = status
            await changed.wait()
