"""The decoder of server-sent events: any split gives the same events, and the right ones."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from tests.property.split import PLACES, cut
from translator import sse

BOM = b"\xef\xbb\xbf"
PIECES = st.one_of(
    st.sampled_from(
        [
            b"\n",
            b"\r",
            b"\r\n",
            b"\n\n",
            b"data: a",
            b"data:",
            b"data",
            b"data:  {",
            b"data :x",
            b": ping",
            b":",
            b"event: x",
            b"id",
            b" ",
            b"d",
            BOM,
            "\u2028\x85\x0b".encode(),
        ]
    ),
    st.binary(max_size=8),
)
STREAMS = st.lists(PIECES, max_size=25).map(b"".join)


def read_plainly(stream: bytes) -> list[bytes]:
    """The events of a whole stream, straight from the definition."""
    events: list[bytes] = []
    data: list[bytes] = []
    for line in [*re.split(rb"\r\n|\r|\n", stream.removeprefix(BOM)), b""]:
        name, _, value = line.partition(b":")
        if line == b"" and data:
            events.append(b"\n".join(data))
            data = []
        elif name == b"data":
            data.append(value.removeprefix(b" "))
    return events


def decode(chunks: list[bytes], limit: int) -> list[bytes | None]:
    """The events of these chunks; None at the end stands for one that is too large."""
    decoder = sse.Decoder(limit)
    events: list[bytes | None] = []
    try:
        for chunk in chunks:
            events.extend(decoder.feed(chunk))
        events.extend(decoder.finish())
    except sse.EventTooLargeError:
        events.append(None)
    return events


@given(STREAMS, PLACES)
@example(b"data: a\r\ndata: b\r\n\r\n", [8, 17, 19])
@example(BOM + b"data: a", [1, 2])
def test_any_split_gives_what_a_plain_reading_of_the_whole_gives(
    stream: bytes, places: list[int]
) -> None:
    assert decode(cut(stream, places), limit=1_000_000) == read_plainly(stream)


@given(STREAMS)
def test_byte_by_byte_gives_what_a_plain_reading_of_the_whole_gives(stream: bytes) -> None:
    assert decode([bytes([byte]) for byte in stream], limit=1_000_000) == read_plainly(stream)


@given(STREAMS, PLACES, st.integers(0, 30))
def test_any_split_finds_the_same_event_too_large(
    stream: bytes, places: list[int], limit: int
) -> None:
    assert decode(cut(stream, places), limit) == decode([stream], limit)


@given(st.lists(st.binary().filter(lambda data: not {10, 13} & {*data})), PLACES)
def test_what_is_encoded_decodes_to_itself(events: list[bytes], places: list[int]) -> None:
    stream = b"".join(map(sse.encode, events))
    assert decode(cut(stream, places), limit=1_000_000) == events
