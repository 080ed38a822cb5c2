"""The protobuf encoder."""

import pytest

from translator.extproc import wire
from translator.extproc._proto.external_processor_pb2 import (
    HeaderMutation,
    HeaderValueOption,
    HttpBody,
    HttpStatus,
)


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, b"\x00"),
        (1, b"\x01"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (300, b"\xac\x02"),
        (16_383, b"\xff\x7f"),
        (16_384, b"\x80\x80\x01"),
        (2**31 - 1, b"\xff\xff\xff\xff\x07"),
    ],
)
def test_a_varint_is_as_protobuf_says(number: int, encoded: bytes) -> None:
    assert wire.varint(number) == encoded
    assert HttpStatus.FromString(wire.tag(1, 0) + encoded).code == number


@pytest.mark.parametrize(
    ("field", "wire_type", "encoded"), [(1, 0, b"\x08"), (1, 2, b"\x0a"), (16, 2, b"\x82\x01")]
)
def test_a_tag_is_the_fields_number_and_its_wire_type(
    field: int, wire_type: int, encoded: bytes
) -> None:
    assert wire.tag(field, wire_type) == encoded


@pytest.mark.parametrize("size", [0, 1, 127, 128, 70_000])
def test_bytes_are_nested_as_one_field_with_their_length(size: int) -> None:
    body = b"x" * size
    assert HttpBody.FromString(wire.nest(1, body)) == HttpBody(body=body)


@pytest.mark.parametrize("value", ["", "a", "é", "x" * 300, "\udcff\udc80"])
def test_a_header_is_set_through_its_raw_value(value: str) -> None:
    mutation = HeaderMutation.FromString(wire.header_value_option("x-name", value))
    [option] = mutation.set_headers
    expected = HeaderValueOption()
    expected.header.key = "x-name"
    expected.header.raw_value = value.encode("utf-8", "surrogateescape")
    assert option == expected
