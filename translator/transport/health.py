"""grpc.health.v1: Check, List and Watch of each service.

Ours, because the servicer of grpcio-health-checking (1.81, where this was seen) does not know
``List`` (gRFC A90), and forgets all watchers of a service when one of them leaves, so that the
others never hear of a drain. Its messages are used.

Reflection describes the package's service, so a client that has nothing else does not see ``List``
before the package has it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

_Response = health_pb2.HealthCheckResponse


Watch = Callable[[bytes], AsyncIterator[bytes]]
"""As :meth:`Health.watch`."""


class UnknownServiceError(Exception):
    """Nobody has such a service."""


class Health:
    """What this server says of its services, in serialised messages. All NOT_SERVING at first.

    Args:
        services: their full names. The server as a whole, "", is one more.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._statuses = dict.fromkeys(("", *services), _Response.NOT_SERVING)
        self._changed = asyncio.Event()

    def set(self, *, serving: bool) -> None:
        """Say of all services that they are SERVING or NOT_SERVING; watchers are told."""
        status = _Response.SERVING if serving else _Response.NOT_SERVING
        self._statuses = dict.fromkeys(self._statuses, status)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def check(self, request: bytes) -> bytes:
        """The answer to ``Check``.

        Raises:
            UnknownServiceError: there is no such service.
            google.protobuf.message.DecodeError: ``request`` is no HealthCheckRequest.
        """
        status = self._statuses.get(_service(request))
        if status is None:
            raise UnknownServiceError
        return bytes(_Response(status=status).SerializeToString())

    def listing(self, _request: bytes) -> bytes:
        """The answer to ``List``, whose request has no fields."""
        answer = _HealthListResponse()
        for service, status in self._statuses.items():
            answer.statuses[service].status = status
        return bytes(answer.SerializeToString())

    def watch(self, request: bytes) -> AsyncIterator[bytes]:
        """The answers to ``Watch``: one now, and one for each change.

        Raises:
            google.protobuf.message.DecodeError: ``request`` is no HealthCheckRequest.
        """
        return self._follow(_service(request))

    async def _follow(self, service: str) -> AsyncIterator[bytes]:
        # A service we do not have may come later, says the protocol, so the stream stays open.
        last = None
        while True:
            changed = self._changed
            status = self._statuses.get(service, _Response.SERVICE_UNKNOWN)
            if status != last:
                yield bytes(_Response(status=status).SerializeToString())
            last = status
            await changed.wait()


def _service(request: bytes) -> str:
    return str(health_pb2.HealthCheckRequest.FromString(request).service)


def _list_response() -> Any:
    """The class of ``HealthListResponse``: ``map<string, HealthCheckResponse> statuses = 1``.

    In a pool of its own, so that a package which brings the message is no conflict.
    """
    file = FileDescriptorProto(name="health_list.proto", package="translator", syntax="proto3")
    file.dependency.append(health_pb2.DESCRIPTOR.name)
    message = file.message_type.add(name="HealthListResponse")
    entry = message.nested_type.add(name="StatusesEntry")
    entry.options.map_entry = True
    one, many = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.LABEL_REPEATED
    text, nested = FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_MESSAGE
    value = "." + _Response.DESCRIPTOR.full_name
    entry.field.add(name="key", number=1, label=one, type=text)
    entry.field.add(name="value", number=2, label=one, type=nested, type_name=value)
    kind = ".translator.HealthListResponse.StatusesEntry"
    message.field.add(name="statuses", number=1, label=many, type=nested, type_name=kind)
    pool = DescriptorPool()
    pool.AddSerializedFile(health_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("translator.HealthListResponse"))


_HealthListResponse = _list_response()
