"""Compressed bodies."""

import gzip
import zlib

import pytest

from translator.exchange.content_encoding import Decoder, TooLargeError, UndecodableError


def inflate(body: bytes, limit: int) -> bytes:
    return Decoder("gzip", limit).whole(body)


TEXT = b"An answer, and an answer, and an answer. " * 20


@pytest.mark.parametrize("body", [gzip.compress(TEXT), zlib.compress(TEXT)])
def test_gzip_and_zlib_are_recognised(body: bytes) -> None:
    assert inflate(body, len(TEXT)) == TEXT


def test_a_body_may_decode_to_nothing() -> None:
    assert inflate(gzip.compress(b""), 0) == b""


def test_one_byte_beyond_the_limit_is_too_large() -> None:
    with pytest.raises(TooLargeError):
        inflate(gzip.compress(TEXT), len(TEXT) - 1)


def test_a_bomb_does_not_go_off() -> None:
    bomb = gzip.compress(bytes(50 * 1024 * 1024))
    with pytest.raises(TooLargeError):
        inflate(bomb, 1024)


@pytest.mark.parametrize(
    "body", [b"", gzip.compress(TEXT)[:-1], gzip.compress(TEXT)[:20], zlib.compress(TEXT)[:-4]]
)
def test_a_truncated_body_is_broken(body: bytes) -> None:
    with pytest.raises(UndecodableError):
        inflate(body, 1024)


def test_a_checksum_that_is_wrong_is_noticed() -> None:
    body = bytearray(gzip.compress(TEXT))
    body[-5] ^= 1
    with pytest.raises(UndecodableError):
        inflate(bytes(body), 1024)


def test_what_is_not_compressed_is_broken() -> None:
    with pytest.raises(UndecodableError):
        inflate(b'{"model":"m"}', 1024)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pieces_of_any_size_decode_to_the_same(size: int) -> None:
    body = gzip.compress(TEXT)
    inflater = Decoder("gzip", len(TEXT))
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    assert b"".join(map(inflater.feed, pieces)) == TEXT
    inflater.finish()


def test_what_was_flushed_is_decoded_at_once() -> None:
    packer = zlib.compressobj(wbits=31)
    inflater = Decoder("deflate", 1024)
    for text in (b"first", b"second"):
        piece = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
        assert inflater.feed(piece) == text
    with pytest.raises(UndecodableError):
        inflater.finish()


def test_the_limit_is_a_pieces() -> None:
    packer = zlib.compressobj(wbits=31)
    inflater = Decoder("GZIP", 10)
    for _ in range(5):
        assert inflater.feed(packer.compress(b"x" * 10) + packer.flush(zlib.Z_SYNC_FLUSH))
    with pytest.raises(TooLargeError):
        inflater.feed(packer.compress(b"x" * 11) + packer.flush(zlib.Z_SYNC_FLUSH))


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_members_of_a_gzip_body_are_one_text(size: int) -> None:
    body = gzip.compress(b"first, ") + gzip.compress(b"second")
    decoder = Decoder("gzip", 1024)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    assert b"".join(map(decoder.feed, pieces)) == b"first, second"
    decoder.finish()


def test_a_body_of_empty_members_is_refused_before_it_costs_anything() -> None:
    with pytest.raises(UndecodableError):
        inflate(gzip.compress(b"") * 1_000_000, 1024)


def test_rubbish_after_the_end_is_not_let_through() -> None:
    with pytest.raises(UndecodableError):
        inflate(gzip.compress(TEXT) + b"rubbish", 1024)


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_identity_passes_as_it_is_within_the_limit(encoding: str) -> None:
    assert Decoder(encoding, 5).whole(b"12345") == b"12345"
    with pytest.raises(TooLargeError):
        Decoder(encoding, 4).whole(b"12345")


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br"])
def test_other_encodings_are_not_known(encoding: str) -> None:
    with pytest.raises(UndecodableError):
        Decoder(encoding, 5)
