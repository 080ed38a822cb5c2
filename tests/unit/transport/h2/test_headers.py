"""Header blocks: which are requests, and when there may be a dynamic table."""

import pytest
from hpack import Encoder, NeverIndexedHeaderTuple

from tests.unit.transport.h2.wire import CALL, LAST, REQUEST, Field, block
from translator.transport.h2.errors import ConnectionFault, ErrorCode
from translator.transport.h2.headers import HeaderReader, MalformedError

LIMIT = 4096
RESIZED = b"\x3f\xe1\x1f"  # the dynamic table has 4096 bytes from here on
EMPTIED = b"\x20"  # or none


def acknowledged(limit: int = LIMIT) -> HeaderReader:
    reader = HeaderReader(limit)
    reader.settings_acknowledged()
    return reader


def without(name: str) -> list[Field]:
    return [field for field in CALL if field[0] != name]


def changed(name: str, value: str) -> list[Field]:
    return [(name, value) if field[0] == name else field for field in CALL]


def refused(reader: HeaderReader, block: bytes) -> ErrorCode:
    with pytest.raises(ConnectionFault) as caught:
        reader.read(block)
    return caught.value.code


def test_a_request_is_read() -> None:
    assert acknowledged().read(REQUEST) == dict(CALL)


@pytest.mark.parametrize(
    ("more", "read"),
    [
        ([("a", "1"), ("b", ""), ("a", "2"), ("a", "")], {"a": "1, 2, ", "b": ""}),
        ([("!#$%&'*+-.^_`|~09az", "x")], {"!#$%&'*+-.^_`|~09az": "x"}),
        ([("a", "b c\td \x7f é ÿ")], {"a": "b c\td \x7f é ÿ"}),
    ],
)
def test_fields_are_kept_as_they_are(more: list[Field], read: dict[str, str]) -> None:
    encoded = EMPTIED + b"".join(
        b"\x10%c%b%c%b" % (len(name), name.encode("latin-1"), len(value), value.encode("latin-1"))
        for name, value in more
    )
    assert acknowledged().read(REQUEST + encoded[1:]) == dict(CALL) | read


@pytest.mark.parametrize(
    "fields",
    [
        [],
        without(":method"),
        without(":scheme"),
        without(":path"),
        changed(":path", ""),
        [*CALL, (":path", "/after")],
        [("a", "b"), *CALL],
        [(":method", "POST"), *CALL],
        [(":authority", "another"), *CALL],
        [(":status", "200"), *CALL],
        [(":protocol", "websocket"), *CALL],
        [(":", "x"), *CALL],
        [(":Path", "/"), *CALL],
        *(
            [*CALL, (name, "x")]
            for name in ("", "A", "tE", "a b", "a:", "a\0", "a\r", "a\n", "é", "(")
        ),
        *([*CALL, (name, "x")] for name in ("\x7f", "\x1f", "a,", "a;", "{", "@", "[", "\\", '"')),
        *([*CALL, ("a", value)] for value in ("\0", "a\rb", "a\nb", " a", "a ", "\ta", "a\t", " ")),
        changed(":path", "/ "),
        changed(":path", "/\r\n"),
        changed(":authority", "a\nb"),
        *(
            [*CALL, (name, "x")]
            for name in (
                "connection",
                "keep-alive",
                "proxy-connection",
                "transfer-encoding",
                "upgrade",
            )
        ),
        *(changed("te", value) for value in ("", "gzip", "trailers, gzip")),
    ],
)
def test_malformed_requests_are_refused_every_time(fields: list[Field]) -> None:
    reader = acknowledged()
    for _ in range(3):
        with pytest.raises(MalformedError):
            reader.read(block(*fields))
    assert reader.read(REQUEST) == dict(CALL)


@pytest.mark.parametrize(
    "fields", [without(":authority"), without("te"), changed("te", "trailers")]
)
def test_optional_fields_are_accepted(fields: list[Field]) -> None:
    assert acknowledged().read(block(*fields)) == dict(fields)


@pytest.mark.parametrize("block", [LAST, EMPTIED, block(("a", "1"), ("a", "2"))])
def test_trailers_are_accepted(block: bytes) -> None:
    acknowledged().skip(block)


@pytest.mark.parametrize(
    "fields",
    [
        [(":path", "/")],
        [("a", "b"), (":status", "200")],
        [("A", "b")],
        [("a", "b\n")],
        [("connection", "close")],
    ],
)
def test_trailers_are_malformed_as_requests_are(fields: list[Field]) -> None:
    with pytest.raises(MalformedError):
        acknowledged().skip(block(*fields))


def test_the_dynamic_table_is_allowed_until_settings_are_acknowledged() -> None:
    reader, encoder = HeaderReader(LIMIT), Encoder()
    first, second = block(*CALL, encoder=encoder), block(*CALL, encoder=encoder)
    assert len(second) < len(first)
    for encoded in (first, second, second):
        assert reader.read(encoded) == dict(CALL)

    reader.settings_acknowledged()
    encoder.header_table_size = 0
    third, fourth = block(*CALL, encoder=encoder), block(*CALL, encoder=encoder)
    assert third == EMPTIED + fourth
    for encoded in (third, fourth, fourth):
        assert reader.read(encoded) == dict(CALL)


def test_trailers_change_the_dynamic_table_as_requests_do() -> None:
    reader, encoder = HeaderReader(LIMIT), Encoder()
    reader.skip(block(*CALL[-2:], encoder=encoder))
    assert reader.read(block(*CALL, encoder=encoder)) == dict(CALL)


def test_blocks_that_change_the_table_are_not_cached() -> None:
    reader, encoder = HeaderReader(LIMIT), Encoder()
    encoder.header_table_size = 0
    first, same = block(*CALL, encoder=encoder), block(*CALL, encoder=encoder)
    for encoded in (first, same, same):
        assert reader.read(encoded) == dict(CALL)
    # Until it has seen our SETTINGS the client may think again.
    encoder.header_table_size = 4096
    bigger, short = block(*CALL, encoder=encoder), block(*CALL, encoder=encoder)
    assert bigger == RESIZED + same
    for encoded in (bigger, short, short):
        assert reader.read(encoded) == dict(CALL)


def test_blocks_are_cached_only_without_a_dynamic_table() -> None:
    reader = HeaderReader(LIMIT)
    literal = b"\x40\x01x\x01y"  # "x: y", to be put into the table
    assert reader.read(REQUEST + literal) == dict(CALL) | {"x": "y"}
    plain = REQUEST.removeprefix(EMPTIED)
    assert reader.read(plain + literal) == dict(CALL) | {"x": "y"}
    assert reader.read(RESIZED + plain) == dict(CALL)
    assert reader.read(plain + literal) == dict(CALL) | {"x": "y"}
    assert reader.read(plain + b"\xbe") == dict(CALL) | {"x": "y"}  # the newest in the table


def test_table_sizes_are_refused_after_the_acknowledgement() -> None:
    reader = HeaderReader(LIMIT)
    resized = RESIZED + REQUEST
    assert reader.read(resized) == reader.read(resized) == dict(CALL)
    reader.settings_acknowledged()
    assert refused(reader, resized) is ErrorCode.COMPRESSION_ERROR


@pytest.mark.parametrize(
    "encoded",
    [
        b"",  # section 4.2 of RFC 7541: the table must be said to be smaller
        REQUEST.removeprefix(EMPTIED),
        RESIZED + REQUEST,
        b"\x21" + REQUEST.removeprefix(EMPTIED),
        EMPTIED + b"\xbe",  # the first of the dynamic table
        EMPTIED + b"\x80",
        EMPTIED + b"\xff\xff\xff\xff\xff\xff\xff\xff",
        REQUEST + EMPTIED,  # a new size after a field
        REQUEST[:-1],
        REQUEST + b"\x10",
        REQUEST + b"\x10\x01",
        REQUEST + b"\x10\x05a",
        REQUEST + b"\x10\x01a",
        REQUEST + b"\x10\x01a\x02b",
        REQUEST + b"\x10\x81\xff\x01a",  # Huffman's code of nothing
    ],
)
def test_what_is_not_hpack_ends_the_connection(encoded: bytes) -> None:
    assert refused(acknowledged(), encoded) is ErrorCode.COMPRESSION_ERROR
    with pytest.raises(ConnectionFault) as caught:
        acknowledged().skip(encoded)
    assert caught.value.code is ErrorCode.COMPRESSION_ERROR


def test_the_dynamic_table_is_limited_to_the_initial_size() -> None:
    assert HeaderReader(LIMIT).read(RESIZED + REQUEST) == dict(CALL)
    too_large = b"\x3f\xe2\x1f" + REQUEST
    assert refused(HeaderReader(LIMIT), too_large) is ErrorCode.COMPRESSION_ERROR


def test_header_lists_are_limited_as_section_6_5_2_counts() -> None:
    size = sum(32 + len(name) + len(value) for name, value in CALL)
    assert acknowledged(size).read(REQUEST) == dict(CALL)
    assert refused(acknowledged(size - 1), REQUEST) is ErrorCode.ENHANCE_YOUR_CALM
    with pytest.raises(ConnectionFault) as caught:
        acknowledged(size - 1).skip(REQUEST)
    assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM


def test_few_bytes_cannot_become_many_fields() -> None:
    bomb = EMPTIED + b"\x82" * (LIMIT // 42 + 1)  # ":method: GET" has 42 bytes
    assert refused(acknowledged(), bomb) is ErrorCode.ENHANCE_YOUR_CALM


def test_repeated_blocks_are_cached() -> None:
    reader = acknowledged()
    assert reader.read(REQUEST) is reader.read(bytes(bytearray(REQUEST)))


def test_the_cache_has_few_short_blocks() -> None:
    reader = acknowledged(100_000)
    long = block(*CALL, ("x", "y" * 2000))
    assert reader.read(long) is not reader.read(long)
    first = reader.read(REQUEST)
    for start in range(0, 63 * 3, 63):
        for number in range(start, start + 63):
            reader.read(block(*CALL, ("x", str(number))))
        assert reader.read(REQUEST) is first  # which keeps it among them
    for number in range(64):
        reader.read(block(*CALL, ("x", str(number))))
    assert reader.read(REQUEST) is not first
    assert reader.read(REQUEST) == first


def test_never_indexed_fields_are_read() -> None:
    encoder = Encoder()
    encoded = encoder.encode([*CALL, NeverIndexedHeaderTuple("authorization", "x")])
    assert HeaderReader(LIMIT).read(encoded)["authorization"] == "x"
