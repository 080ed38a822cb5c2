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
    """The request of ``Check`` and ``Watch``."""
    return bytes(_Request(service=service).SerializeToString())


def read_request(message: bytes) -> str:
    """The service that a request names.

    Raises:
        google.protobuf.message.DecodeError: it is no HealthCheckRequest.
    """
    return str(_Request.FromString(message).service)


def response(status: int) -> bytes:
    """The response of ``Check``, and each of ``Watch``."""
    return bytes(_Response(status=status).SerializeToString())


def read_response(message: bytes) -> str:
    """The name of the status in a response, such as ``SERVING``.

    Raises:
        ValueError: it is no HealthCheckResponse, or the status is none of the protocol's.
    """
    try:
        status = _Response.FromString(message).status
    except DecodeError as error:
        raise ValueError("not a HealthCheckResponse") from error
    return str(_Response.ServingStatus.Name(status))


def listing(statuses: Mapping[str, int]) -> bytes:
    """The response of ``List``, of the statuses by service."""
    message = _HealthListResponse()
    for service, status in statuses.items():
        message.statuses[service].status = status
    return bytes(message.SerializeToString())


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
