"""The decoder and the encoder of server-sent events."""

import pytest

from translator import sse

SEPARATOR = "\u2028"


def decode(*chunks: bytes, limit: int = 1024) -> list[bytes]:
    decoder = sse.Decoder(limit)
    events = [data for chunk in chunks for data in decoder.feed(chunk)]
    return [*events, *decoder.finish()]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_line_may_end_in_lf_cr_or_crlf(end: bytes) -> None:
    assert decode(b"data: a" + end + end + b"data: b" + end + end) == [b"a", b"b"]


@pytest.mark.parametrize(
    ("line", "data"),
    [
        (b"data: a", b"a"),
        (b"data:a", b"a"),
        (b"data:  a", b" a"),
        (b"data:a ", b"a "),
        (b"data:", b""),
        (b"data", b""),
        (b"data: a:b", b"a:b"),
        (
            f"data: a{SEPARATOR}\x0b\x0c\x1c\x85b".encode(),
            f"a{SEPARATOR}\x0b\x0c\x1c\x85b".encode(),
        ),
    ],
)
def test_the_value_of_a_data_line(line: bytes, data: bytes) -> None:
    assert decode(line + b"\n\n") == [data]


@pytest.mark.parametrize("line", [b": ping", b":", b"event: x", b"id: 1", b"retry: 9", b"datax: y"])
def test_other_lines_are_ignored(line: bytes) -> None:
    assert decode(line + b"\n\n") == []
    assert decode(b"data: a\n" + line + b"\ndata: b\n\n") == [b"a\nb"]


def test_lines_of_one_event_are_joined_by_line_feeds() -> None:
    assert decode(b"data: {\r\ndata:  1\r\ndata: }\r\n\r\n") == [b"{\n 1\n}"]


def test_blank_lines_without_data_are_no_event() -> None:
    assert decode(b"\n\r\n\r\n\n") == []


def test_a_byte_order_mark_is_skipped_at_the_start_only() -> None:
    mark = b"\xef\xbb\xbf"
    assert decode(mark + b"data: a\n\n" + mark + b"data: b\n\n") == [b"a"]


def test_a_byte_order_mark_split_over_chunks_is_skipped() -> None:
    assert decode(b"\xef", b"\xbb", b"\xbfdata: a\n\n") == [b"a"]


def test_a_cr_lf_split_over_two_chunks_is_one_line_end() -> None:
    assert decode(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == [b"a\nb"]


def test_an_empty_chunk_between_cr_and_lf_changes_nothing() -> None:
    assert decode(b"data: a\r", b"", b"\ndata: b\n\n") == [b"a\nb"]


def test_a_cr_at_the_end_of_a_chunk_completes_its_event_at_once() -> None:
    decoder = sse.Decoder()
    assert list(decoder.feed(b"data: a\n\r")) == [b"a"]


def test_an_event_is_given_as_soon_as_it_is_complete() -> None:
    decoder = sse.Decoder()
    assert list(decoder.feed(b"data: a\n")) == []
    assert list(decoder.feed(b"\ndata: b")) == [b"a"]


@pytest.mark.parametrize("cut", [b"data: a", b"data: a\n", b"data: a\r", b"data: a\r\n"])
def test_an_event_cut_off_by_the_end_is_still_given(cut: bytes) -> None:
    assert decode(cut) == [b"a"]


def test_a_second_end_returns_nothing() -> None:
    decoder = sse.Decoder()
    assert list(decoder.feed(b"data: a")) == []
    assert list(decoder.finish()) == [b"a"]
    assert list(decoder.finish()) == []


def test_an_event_of_exactly_the_limit_is_accepted() -> None:
    assert decode(b"data: 1234\n\n", limit=10) == [b"1234"]


@pytest.mark.parametrize(
    "chunks",
    [
        [b"data: 12345\n\n"],
        [b"data: 123", b"45"],
        [b"data:1\n", b"data:2"],
        [b": a comment"],
    ],
)
def test_an_event_beyond_the_limit_is_refused_before_it_ends(chunks: list[bytes]) -> None:
    with pytest.raises(sse.EventTooLargeError):
        decode(*chunks, limit=10)


def test_events_before_one_that_is_too_large_are_given_first() -> None:
    feed = sse.Decoder(10).feed(b"data: a\n\ndata: 12345\n\n")
    assert next(feed) == b"a"
    with pytest.raises(sse.EventTooLargeError):
        next(feed)


def test_the_limit_is_per_event() -> None:
    assert decode(*[b"data: 1\n\n", b": ping\n"] * 50, limit=10) == [b"1"] * 50


def test_comments_do_not_count() -> None:
    assert decode(*[b": ping\n"] * 50, b"data: a\n\n", limit=10) == [b"a"]


def test_encode_makes_one_event() -> None:
    assert sse.encode(b'{"a":1}') == b'data: {"a":1}\n\n'
    assert sse.encode(b"[DONE]") == b"data: [DONE]\n\n"


def test_what_is_encoded_decodes_to_itself() -> None:
    assert decode(sse.encode(b" a "), sse.encode(b"")) == [b" a ", b""]
