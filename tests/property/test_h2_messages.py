"""Messages of gRPC: any cut gives the same ones, and the same fault."""

from hypothesis import given
from hypothesis import strategies as st

from tests.property.split import PLACES, cut
from translator.transport.h2.messages import CallFault, MessageReader, Status, prefix

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
    messages: list[bytes] = []
    for piece in pieces:
        try:
            messages += map(bytes, reader.feed(piece))
        except CallFault as fault:
            return messages, fault.status, False
    return messages, None, not reader.is_between


@given(MESSAGES, PLACES)
def test_what_was_put_together_is_read_however_it_is_cut(
    messages: list[bytes], places: list[int]
) -> None:
    stream = b"".join(prefix(len(message)) + message for message in messages)
    assert read(cut(stream, places)) == (messages, None, False)


@given(STREAMS)
def test_the_same_fault_is_found_byte_by_byte(stream: bytes) -> None:
    messages, fault, part = read([bytes([byte]) for byte in stream])
    together = read([stream])
    assert together[1:] == (fault, part)
    # What stood before it in the same piece is of no use any more.
    assert fault is not None or together[0] == messages
