"""The body reader reads what the generated classes read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.extproc import body_reader
from translator.extproc._proto.external_processor_pb2 import HttpBody, ProcessingRequest

LARGE = b"x" * (1 << 16)
bodies = st.builds(HttpBody, body=st.binary().map(LARGE.__add__), end_of_stream=st.booleans())
messages = st.one_of(
    bodies.map(lambda body: ProcessingRequest(request_body=body)),
    bodies.map(lambda body: ProcessingRequest(response_body=body)),
)


def of(message: ProcessingRequest) -> tuple[bool, bytes, bool]:
    is_request = message.HasField("request_body")
    body = message.request_body if is_request else message.response_body
    return is_request, body.body, body.end_of_stream


@given(message=messages, kind=st.sampled_from([bytes, bytearray]))
def test_what_envoy_writes_is_read(
    message: ProcessingRequest, kind: type[bytes] | type[bytearray]
) -> None:
    assert body_reader.read(kind(message.SerializeToString())) == of(message)


@given(message=messages, data=st.data())
def test_what_is_read_is_what_protobuf_reads(
    message: ProcessingRequest, data: st.DataObject
) -> None:
    raw = bytearray(message.SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):  # near the ends, where there is more than body
        place = data.draw(st.sampled_from([*range(12), *range(len(raw) - 4, len(raw))]))
        raw[place] = data.draw(st.integers(0, 255))
    read = body_reader.read(raw)
    if read is not None:
        assert read == of(ProcessingRequest.FromString(bytes(raw)))


@pytest.mark.parametrize(
    "raw",
    [
        ProcessingRequest(request_body=HttpBody(body=b"x")).SerializeToString(),
        ProcessingRequest(request_headers={}).SerializeToString() + LARGE,
        ProcessingRequest(request_body=HttpBody(body=LARGE)).SerializeToString() + b"\x4a\x00",
        ProcessingRequest(request_body=HttpBody(body=LARGE)).SerializeToString()[:-1],
        b"\x22" + b"\xff" * 70_000,
        b"\x22\x80\x80\x04" + b"\x0a" + b"\xff" * 65_535,
    ],
    ids=["small", "headers", "another field", "cut", "endless", "inner endless"],
)
def test_other_messages_are_parsed_by_protobuf(raw: bytes) -> None:
    assert body_reader.read(raw) is None
