"""Our subset of the API and Envoy's own, as envoy-data-plane has it, read and write the same bytes.

The messages of the subset are walked field by field: each field alone is set in ours and read in
Envoy's, then set in Envoy's and read in ours. A wrong number, type or name fails on its own.
"""

import types
from collections.abc import Iterator
from typing import Any

import betterproto2
import pytest
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as filters
from envoy_data_plane.envoy.service.ext_proc import v3 as service
from envoy_data_plane.envoy.type import v3 as types_v3
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Struct

from translator.extproc._proto.external_processor_pb2 import (
    DESCRIPTOR,
    ProcessingRequest,
    ProcessingResponse,
)

# Where Envoy keeps the messages that the subset holds in one file.
ELSEWHERE: dict[str, types.ModuleType] = {
    "HeaderMap": core,
    "HeaderValue": core,
    "HeaderValueOption": core,
    "HttpStatus": types_v3,
    "ProcessingMode": filters,
}
SCALARS: dict[int, Any] = {
    FieldDescriptor.CPPTYPE_BOOL: True,
    FieldDescriptor.CPPTYPE_INT32: 413,
    FieldDescriptor.CPPTYPE_ENUM: 1,
}


def envoys(descriptor: Descriptor | None) -> type[betterproto2.Message]:
    assert descriptor is not None
    module = ELSEWHERE.get(descriptor.name, service)
    return getattr(module, descriptor.name)  # type: ignore[no-any-return]


def ours(descriptor: Descriptor | None) -> Message:
    assert descriptor is not None
    return GetMessageClass(descriptor)()


def fields() -> Iterator[FieldDescriptor]:
    for message in DESCRIPTOR.message_types_by_name.values():
        # A Struct is no message of ours; it has a test of its own.
        yield from (field for field in message.fields if field.message_type != Struct.DESCRIPTOR)


def sample(field: FieldDescriptor) -> Any:
    """A value for our field that is not its default."""
    if field.message_type is not None:
        return populated(field.message_type)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return b"\x00\xffbytes" if field.type == FieldDescriptor.TYPE_BYTES else "täxt"
    return SCALARS[field.cpp_type]


def populated(descriptor: Descriptor) -> Message:
    """A message of ours with its first field set, all the way down."""
    message = ours(descriptor)
    if descriptor.fields:
        put(message, descriptor.fields[0])
    return message


def put(message: Message, field: FieldDescriptor) -> None:
    value = sample(field)
    if field.is_repeated:
        getattr(message, field.name).extend([value, value])
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(value)
        getattr(message, field.name).SetInParent()
    else:
        setattr(message, field.name, value)


def same(theirs: Any, field: FieldDescriptor, value: Any) -> bool:
    """Whether a value of Envoy's is our ``value``, down to the last field."""
    if field.message_type is not None:
        wanted = field.message_type.fields[:1]
        return isinstance(theirs, envoys(field.message_type)) and all(
            matches(theirs, inner, value) for inner in wanted
        )
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return bool(int(theirs) == value)
    return bool(theirs == value)


def matches(theirs: Any, field: FieldDescriptor, message: Message) -> bool:
    got, value = getattr(theirs, field.name), getattr(message, field.name)
    if field.is_repeated:
        return len(got) == len(value) and all(
            same(one, field, other) for one, other in zip(got, value, strict=True)
        )
    return same(got, field, value)


@pytest.mark.parametrize("field", [*fields()], ids=lambda field: field.full_name)
def test_field_reads_the_same_in_envoys_message_and_back(field: FieldDescriptor) -> None:
    message = ours(field.containing_type)
    put(message, field)
    theirs = envoys(field.containing_type).parse(message.SerializeToString())

    assert matches(theirs, field, message)
    assert not theirs._unknown_fields  # noqa: SLF001 -- the only way to see what was not understood
    back = type(message).FromString(bytes(theirs))
    assert back == message


def test_enums_have_envoys_numbers_and_names() -> None:
    mode = DESCRIPTOR.message_types_by_name["ProcessingMode"].enum_types_by_name
    status = DESCRIPTOR.message_types_by_name["CommonResponse"].enum_types_by_name["ResponseStatus"]
    pairs = [
        (mode["HeaderSendMode"], filters.ProcessingModeHeaderSendMode),
        (mode["BodySendMode"], filters.ProcessingModeBodySendMode),
        (status, service.CommonResponseResponseStatus),
    ]
    for enum, theirs in pairs:
        for value in enum.values:
            assert theirs(value.number).name == value.name


def test_the_service_path_is_envoys() -> None:
    method = DESCRIPTOR.services_by_name["ExternalProcessor"].methods_by_name["Process"]
    path = f"/{method.containing_service.full_name}/{method.name}"
    assert path == "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
    assert method.client_streaming
    assert method.server_streaming


def test_unknown_fields_are_ignored() -> None:
    theirs = service.ProcessingRequest(
        request_headers=service.HttpHeaders(
            headers=core.HeaderMap(headers=[core.HeaderValue(key=":path", raw_value=b"/v1/x")]),
            end_of_stream=True,
        ),
        observability_mode=True,
        protocol_config=service.ProtocolConfiguration(
            request_body_mode=filters.ProcessingModeBodySendMode.BUFFERED
        ),
    )
    request = ProcessingRequest.FromString(bytes(theirs))
    assert request.WhichOneof("request") == "request_headers"
    assert request.request_headers.headers.headers[0].raw_value == b"/v1/x"
    assert request.request_headers.end_of_stream


def test_dynamic_metadata_reads_the_same_in_envoys_message() -> None:
    known: dict[str, Any] = {"model": "m", "stream": True, "input_tokens": 7.0}
    message = ProcessingResponse()
    message.dynamic_metadata.update({"oip_translator": known})
    theirs = service.ProcessingResponse.parse(message.SerializeToString())
    assert theirs.dynamic_metadata is not None
    assert theirs.dynamic_metadata.to_dict() == {"oip_translator": known}
