"""gRPC's messages and statuses as bytes."""

from collections import deque

import grpc
import pytest
from hpack import Decoder

from translator.transport.h2 import messages
from translator.transport.h2.messages import CallFault, Message, MessageReader, Status

LIMIT = 1000


def framed(message: bytes, *, flag: int = 0) -> bytes:
    return bytes([flag]) + len(message).to_bytes(4) + message


def fed(reader: MessageReader, data: bytes) -> list[bytes]:
    """The messages that are whole with these bytes."""
    messages = deque[Message]()
    reader.feed(data, messages)
    return [*map(bytes, messages)]


def test_what_a_message_lacks_is_known_once_it_has_begun() -> None:
    reader = MessageReader(LIMIT)
    data = framed(bytes(100))
    assert reader.missing == 0
    fed(reader, data[:3])
    assert reader.missing == 0
    fed(reader, data[3:25])
    assert reader.missing == 80
    fed(reader, data[25:])
    assert reader.missing == 0


def fields(block: bytes) -> list[tuple[str, str]]:
    decoder = Decoder()
    decoder.max_allowed_table_size = 0  # a client's that wants none
    return [(name.decode(), value.decode()) for name, value in decoder.decode(block, raw=True)]


@pytest.mark.parametrize("size", [0, 1, 70_000, 2**32 - 1])
def test_a_message_has_a_prefix_with_its_size(size: int) -> None:
    assert messages.prefix(size) == b"\0" + size.to_bytes(4)


def test_an_answer_begins_and_ends_as_grpc_says() -> None:
    head = [(":status", "200"), ("content-type", "application/grpc")]
    assert fields(messages.HEAD) == head
    assert fields(messages.DONE) == [("grpc-status", "0")]
    assert fields(messages.trailers(Status.INTERNAL)) == [("grpc-status", "13")]
    assert fields(messages.only_trailers(Status.NOT_FOUND, "why")) == [
        *head,
        ("grpc-status", "5"),
        ("grpc-message", "why"),
    ]


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("".join(map(chr, range(0x20, 0x7F))).replace("%", ""),) * 2,
        ("100 % \n\0\x7f", "100 %25 %0A%00%7F"),
        ("é€", "%C3%A9%E2%82%AC"),
    ],
)
def test_a_message_is_percent_encoded_where_it_must_be(said: str, sent: str) -> None:
    block = messages.trailers(Status.INTERNAL, said)
    assert fields(block) == [("grpc-status", "13"), ("grpc-message", sent)]


MESSAGES = [b"", b"one", b"", b"x" * LIMIT, b"", b"two"]


@pytest.mark.parametrize("size", [*range(1, 12), 100, 4096])
def test_messages_are_read_for_any_split(size: int) -> None:
    stream = b"".join(map(framed, MESSAGES))
    reader = MessageReader(LIMIT)
    read: list[bytes] = []
    for start in range(0, len(stream), size):
        read += fed(reader, stream[start : start + size])
    assert read == MESSAGES
    assert fed(reader, b"") == []


@pytest.mark.parametrize("cut", range(1, len(framed(b"one"))))
def test_a_message_is_returned_when_it_is_complete(cut: int) -> None:
    reader = MessageReader(LIMIT)
    assert reader.is_between
    assert fed(reader, framed(b"one")[:cut]) == []
    assert not reader.is_between
    assert fed(reader, framed(b"one")[cut:]) == [b"one"]
    assert reader.is_between


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("compresses", "stream", "status"),
    [
        (False, framed(b"x", flag=1), Status.INTERNAL),
        (True, framed(b"x", flag=1), Status.UNIMPLEMENTED),
        (False, b"\0" + (LIMIT + 1).to_bytes(4), Status.RESOURCE_EXHAUSTED),
        (False, b"\0\xff\xff\xff\xff", Status.RESOURCE_EXHAUSTED),
    ],
)
def test_a_message_is_refused_by_its_first_five_bytes(
    *, together: bool, compresses: bool, stream: bytes, status: Status
) -> None:
    reader = MessageReader(LIMIT, compresses=compresses)
    assert fed(reader, framed(b"before")) == [b"before"]
    if not together:
        assert fed(reader, stream[:4]) == []
        stream = stream[4:]
    with pytest.raises(CallFault) as caught:
        fed(reader, stream)
    assert caught.value.status is status
    assert str(caught.value)


def test_messages_before_a_fault_are_returned() -> None:
    messages = deque[Message]()
    with pytest.raises(CallFault):
        MessageReader(LIMIT).feed(framed(b"one") + framed(b"two") + framed(b"x", flag=1), messages)
    assert [*messages] == [b"one", b"two"]


def test_a_call_with_compression_may_send_uncompressed_messages() -> None:
    assert fed(MessageReader(LIMIT, compresses=True), framed(b"plain")) == [b"plain"]


def test_a_message_of_the_maximum_size_is_accepted() -> None:
    assert fed(MessageReader(LIMIT), framed(bytes(LIMIT))) == [bytes(LIMIT)]


def test_statuses_are_grpcs() -> None:
    assert all(status == grpc.StatusCode[status.name].value[0] for status in Status)
