"""Compressed bodies."""

import gzip
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

import pytest

from translator.exchange import content_encoding
from translator.exchange.content_encoding import (
    KNOWN_ENCODINGS,
    Decoder,
    TooLargeError,
    UndecodableError,
)

zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
brotli: Any = import_module("brotli")

TEXT = b"An answer, and an answer, and an answer. " * 20
BOMB = bytes(16 * 1024 * 1024)
Compress = Callable[[bytes], bytes]
COMPRESSORS: dict[str, Compress] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda data: bytes(brotli.compress(data, quality=9)),
    "zstd": lambda data: bytes(zstd.compress(data)),
}
WITH_MEMBERS = [name for name in COMPRESSORS if name != "br"]

every_encoding = pytest.mark.parametrize("encoding", COMPRESSORS)


def decode(encoding: str, pieces: Iterable[bytes], limit: int = 1024) -> bytes:
    decoder = Decoder(encoding, limit)
    text = b"".join(map(decoder.feed, pieces))
    decoder.finish()
    return text


def split(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def test_every_encoding_is_tested() -> None:
    assert {*KNOWN_ENCODINGS, "x-gzip"} == {*COMPRESSORS}


@every_encoding
def test_a_whole_body_is_decoded(encoding: str) -> None:
    assert Decoder(encoding, len(TEXT)).whole(COMPRESSORS[encoding](TEXT)) == TEXT


@every_encoding
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pieces_of_any_size_decode_to_the_same(encoding: str, size: int) -> None:
    assert decode(encoding, split(COMPRESSORS[encoding](TEXT), size), len(TEXT)) == TEXT


@every_encoding
def test_a_body_in_two_pieces_decodes_to_the_same_wherever_it_is_cut(encoding: str) -> None:
    body = COMPRESSORS[encoding](TEXT)
    for cut in range(len(body) + 1):
        assert decode(encoding, [body[:cut], b"", body[cut:]]) == TEXT


@pytest.mark.parametrize("name", ["GZIP", " Gzip ", "X-GZIP", "Deflate", "BR", "ZSTD"])
def test_the_name_of_an_encoding_is_read_leniently(name: str) -> None:
    body = COMPRESSORS[name.strip().lower()](TEXT)
    assert Decoder(name, len(TEXT)).whole(body) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_gzip_and_zlib_are_told_apart_by_their_bytes(encoding: str, compress: Compress) -> None:
    assert Decoder(encoding, len(TEXT)).whole(compress(TEXT)) == TEXT


@every_encoding
def test_a_body_may_decode_to_nothing(encoding: str) -> None:
    assert Decoder(encoding, 0).whole(COMPRESSORS[encoding](b"")) == b""


@every_encoding
@pytest.mark.parametrize("limit", [0, 1, 10, len(TEXT) - 1])
def test_one_byte_beyond_the_limit_is_too_large(encoding: str, limit: int) -> None:
    body = COMPRESSORS[encoding](TEXT[: limit + 1])
    assert Decoder(encoding, limit + 1).whole(body) == TEXT[: limit + 1]
    with pytest.raises(TooLargeError):
        Decoder(encoding, limit).whole(body)


@every_encoding
def test_a_bomb_does_not_go_off(encoding: str) -> None:
    bomb = COMPRESSORS[encoding](BOMB)
    assert len(bomb) < len(BOMB) / 500
    with pytest.raises(TooLargeError):
        Decoder(encoding, 1024).whole(bomb)


@pytest.mark.parametrize("encoding", WITH_MEMBERS)
def test_a_bomb_in_many_members_does_not_go_off(encoding: str) -> None:
    with pytest.raises(TooLargeError):
        Decoder(encoding, 1024).whole(COMPRESSORS[encoding](bytes(100)) * 50)


@every_encoding
def test_no_decompressor_is_asked_for_more_than_the_limit_and_one(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    asked: list[int] = []
    table = content_encoding._DECOMPRESSORS  # noqa: SLF001 -- there is no other way to look inside
    new = table[encoding.removeprefix("x-")]

    class Watched:
        def __init__(self) -> None:
            self.real = new()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

        def decompress(self, data: bytes, most: int) -> bytes:
            asked.append(most)
            return self.real.decompress(data, most)

    monkeypatch.setitem(table, encoding.removeprefix("x-"), Watched)
    with pytest.raises(TooLargeError):
        Decoder(encoding, 1024).whole(COMPRESSORS[encoding](BOMB))
    assert asked == [1025]


@every_encoding
def test_a_truncated_body_is_broken_wherever_it_ends(encoding: str) -> None:
    body = COMPRESSORS[encoding](TEXT)
    for end in range(len(body)):
        with pytest.raises(UndecodableError):
            Decoder(encoding, len(TEXT)).whole(body[:end])


@every_encoding
def test_no_body_at_all_is_broken(encoding: str) -> None:
    with pytest.raises(UndecodableError):
        decode(encoding, [])


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate"])
def test_a_checksum_that_is_wrong_is_noticed(encoding: str) -> None:
    body = bytearray(COMPRESSORS[encoding](TEXT))
    body[-5 if encoding != "deflate" else -1] ^= 1
    with pytest.raises(UndecodableError):
        Decoder(encoding, len(TEXT)).whole(bytes(body))


@every_encoding
@pytest.mark.parametrize("body", [b'{"model":"m"}', b"\xff" * 20, b"garbage " * 20])
def test_what_is_not_compressed_is_broken(encoding: str, body: bytes) -> None:
    with pytest.raises(UndecodableError):
        Decoder(encoding, 1024).whole(body)


@every_encoding
@pytest.mark.parametrize("rubbish", [b"rubbish", b"\0", b"{}"])
def test_rubbish_after_the_end_is_not_let_through(encoding: str, rubbish: bytes) -> None:
    body = COMPRESSORS[encoding](TEXT)
    for pieces in ([body + rubbish], [body, rubbish]):
        with pytest.raises(UndecodableError):
            decode(encoding, pieces)


@pytest.mark.parametrize("encoding", WITH_MEMBERS)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_members_of_a_body_are_one_text(encoding: str, size: int) -> None:
    compress = COMPRESSORS[encoding]
    body = compress(b"first, ") + compress(b"") + compress(b"second")
    assert decode(encoding, split(body, size)) == b"first, second"


@pytest.mark.parametrize("encoding", WITH_MEMBERS)
def test_a_member_for_each_piece_is_decoded_at_once(encoding: str) -> None:
    decoder = Decoder(encoding, 10)
    for number in range(200):  # more than one piece may hold
        text = str(number).encode()
        assert decoder.feed(COMPRESSORS[encoding](text)) == text
    decoder.finish()


@pytest.mark.parametrize("encoding", WITH_MEMBERS)
def test_a_last_member_without_its_end_is_broken(encoding: str) -> None:
    body = COMPRESSORS[encoding](TEXT)
    with pytest.raises(UndecodableError):
        decode(encoding, [body, body[:-1]], len(TEXT))


@pytest.mark.parametrize("encoding", WITH_MEMBERS)
def test_every_event_of_a_stream_may_be_a_member(encoding: str) -> None:
    events = [b"data: %d\n\n" % number for number in range(1000)]
    body = b"".join(map(COMPRESSORS[encoding], events))
    assert Decoder(encoding, 100_000).whole(body) == b"".join(events)


def test_brotli_has_no_members_however_they_are_cut() -> None:
    body = brotli.compress(b"first, "), brotli.compress(b"second")
    for pieces in ([b"".join(body)], [*body]):
        with pytest.raises(UndecodableError):
            decode("br", pieces)


@pytest.mark.parametrize("encoding", WITH_MEMBERS)
def test_a_body_of_empty_members_is_refused_before_it_costs_anything(encoding: str) -> None:
    with pytest.raises(UndecodableError):
        Decoder(encoding, 1024).whole(COMPRESSORS[encoding](b"") * 1_000_000)


def _zlib_packer() -> tuple[Compress, Callable[[], bytes]]:
    packer = zlib.compressobj(wbits=31)
    return packer.compress, lambda: packer.flush(zlib.Z_SYNC_FLUSH)


def _brotli_packer() -> tuple[Compress, Callable[[], bytes]]:
    packer = brotli.Compressor()
    return packer.process, packer.flush


def _zstd_packer() -> tuple[Compress, Callable[[], bytes]]:
    packer = zstd.ZstdCompressor()
    return packer.compress, lambda: bytes(packer.flush(packer.FLUSH_BLOCK))


PACKERS = {
    "gzip": _zlib_packer,
    "deflate": _zlib_packer,
    "br": _brotli_packer,
    "zstd": _zstd_packer,
}


@pytest.mark.parametrize("encoding", PACKERS)
def test_what_was_flushed_is_decoded_at_once(encoding: str) -> None:
    compress, flush = PACKERS[encoding]()
    decoder = Decoder(encoding, 1024)
    for text in (b"first", b"second"):
        assert decoder.feed(compress(text) + flush()) == text
    with pytest.raises(UndecodableError):
        decoder.finish()


@pytest.mark.parametrize("encoding", PACKERS)
def test_the_limit_is_a_pieces(encoding: str) -> None:
    compress, flush = PACKERS[encoding]()
    decoder = Decoder(encoding, 10)
    for _ in range(5):
        assert decoder.feed(compress(b"x" * 10) + flush()) == b"x" * 10
    with pytest.raises(TooLargeError):
        decoder.feed(compress(b"x" * 11) + flush())


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_identity_passes_as_it_is_within_the_limit(encoding: str) -> None:
    assert Decoder(encoding, 5).whole(b"12345") == b"12345"
    assert Decoder(encoding, 0).whole(b"") == b""
    with pytest.raises(TooLargeError):
        Decoder(encoding, 4).whole(b"12345")


@pytest.mark.parametrize("encoding", ["compress", "lzma", "gzip, br", "gzip,gzip", "*", "\0"])
def test_other_encodings_are_not_known(encoding: str) -> None:
    with pytest.raises(UndecodableError):
        Decoder(encoding, 5)


@pytest.mark.parametrize("encoding", ["br", "zstd"])
def test_an_encoding_without_its_library_is_not_known(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.delitem(content_encoding._DECOMPRESSORS, encoding)  # noqa: SLF001 -- as if not installed
    with pytest.raises(UndecodableError):
        Decoder(encoding, 5)


def test_a_library_that_is_not_installed_is_none() -> None:
    assert content_encoding._optional("no_such_module", "nor.this_one") is None  # noqa: SLF001 -- one name for two modules
    assert content_encoding._optional("no_such_module", "zlib") is zlib  # noqa: SLF001 -- the same
