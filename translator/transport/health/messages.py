"""The messages of grpc.health.v1 as bytes, for the server and for the client.

Source: https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

CHECK, LIST, WATCH = (f"/{SERVICE}/{method}" for method in ("Check", "List", "Watch"))
"""The paths of its methods."""

_Request = health_pb2.HealthCheckRequest
_Response = health_pb2.HealthCheckResponse

SERVING: int = _Response.SERVING
NOT_SERVING: int = _Response.NOT_SERVING
SERVICE_UNKNOWN: int = _Response.SERVICE_UNKNOWN


def request(service: str) -> bytes:
    """A request of ``Check`` or ``Watch``."""
    return bytes(_Request(service=service).SerializeToString())


def read_request(message: bytes) -> str:
    """The service in a request.

    Raises:
        google.protobuf.message.DecodeError: it is not a HealthCheckRequest.
    """
    return str(_Request.FromString(message).service)


def response(status: int) -> bytes:
    """A response of ``Check`` or ``Watch``."""
    return bytes(_Response(status=status).SerializeToString())


def read_response(message: bytes) -> str:
    """The name of the status in a response, such as ``SERVING``.

    Raises:
        ValueError: it is not a HealthCheckResponse, or its status is unknown.
    """
    try:
        status = _Response.FromString(message).status
    except DecodeError as error:
        raise ValueError("not a HealthCheckResponse") from error
    return str(_Response.ServingStatus.Name(status))


def listing(statuses: Mapping[str, int]) -> bytes:
    """The response of ``List``: the statuses by service."""
    message = _HealthListResponse()
    for service, status in statuses.items():
        message.statuses[service].status = status
    return bytes(message.SerializeToString())


def _list_response() -> Any:
    """The class of ``HealthListResponse``: ``map<string, HealthCheckResponse> statuses = 1``.

    It is in its own pool, so that it does not conflict with a package that has the message too.
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
