"""Messages of gRPC: any split gives the same messages, and the same fault."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from tests.property.split import PLACES, cut
from translator.transport.h2.messages import CallFault, Message, MessageReader, Status, prefix

LIMIT = 40
MESSAGES = st.lists(st.binary(max_size=LIMIT), max_size=6)
STREAMS = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.one_of(st.binary(max_size=LIMIT + 3).map(lambda body: prefix(len(body)) + body))
    ).map(b"".join),
)


def read(pieces: list[bytes]) -> tuple[list[bytes], Status | None, bool]:
    """The messages, how the call ends for them, and whether there is a part of one."""
    reader = MessageReader(LIMIT)
    messages = deque[Message]()
    fault = None
    for piece in pieces:
        try:
            reader.feed(piece, messages)
        except CallFault as error:
            fault = error.status
            break
    return [*map(bytes, messages)], fault, fault is None and not reader.is_between


@given(MESSAGES, PLACES)
def test_messages_are_read_for_any_split(messages: list[bytes], places: list[int]) -> None:
    stream = b"".join(prefix(len(message)) + message for message in messages)
    assert read(cut(stream, places)) == (messages, None, False)


@given(STREAMS)
def test_the_same_fault_is_found_byte_by_byte(stream: bytes) -> None:
    assert read([bytes([byte]) for byte in stream]) == read([stream])
