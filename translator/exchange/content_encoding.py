"""Incremental decoding of content-encoding, within a size limit.

Upstream gets ``accept-encoding: identity``, but some servers compress anyway, and clients may
compress requests. gzip and deflate (in its zlib form) are always supported; br and zstd if their
libraries are installed (extra ``compression``). gzip and zstd bodies may have several members or
frames (RFC 1952, RFC 8878).
"""

import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, Protocol

_IDENTITY = frozenset({"", "identity"})
_AUTO_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
# Bytes, for one piece. Each member copies the bytes after it, so the cost of many empty members is
# quadratic. Normal bodies have one member, or one for each event of a stream.
_MOST_COPIED = 1024**3


class TooLargeError(Exception):
    """The decoded body is larger than the limit."""


class UndecodableError(Exception):
    """The encoding is unknown, or the body is invalid or incomplete."""


class _Decompressor(Protocol):
    """The interface of the decompressors of :mod:`zlib`, :mod:`bz2` and others."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _optional(*modules: str) -> Any:
    for name in modules:
        with suppress(ImportError):
            return import_module(name)
    return None


_zstd = _optional("compression.zstd", "backports.zstd")
_brotli = _optional("brotli")


class _Brotli:
    """Adapts brotli's decompressor to this interface."""

    unused_data = b""  # brotli has no members: bytes after its end are an error

    def __init__(self) -> None:
        self._decompressor = _brotli.Decompressor()

    @property
    def eof(self) -> bool:
        return bool(self._decompressor.is_finished())

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return bytes(self._decompressor.process(data, output_buffer_limit=max_length))


def _inflate() -> _Decompressor:
    return zlib.decompressobj(_AUTO_GZIP_OR_ZLIB)


_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {"gzip": _inflate, "deflate": _inflate}
_ERRORS: tuple[type[Exception], ...] = (zlib.error,)
if _brotli is not None:
    _DECOMPRESSORS["br"] = _Brotli
    _ERRORS += (_brotli.error,)
if _zstd is not None:
    _DECOMPRESSORS["zstd"] = _zstd.ZstdDecompressor
    _ERRORS += (_zstd.ZstdError,)

KNOWN_ENCODINGS = tuple(_DECOMPRESSORS)
"""The supported encodings; they depend on the installed libraries."""


class Decoder:
    """Decodes one body piece by piece.

    Args:
        encoding: the value of ``content-encoding``, "" if there is none.
        limit: the maximum size in bytes of a whole body, and of a decompressed piece, which
            prevents decompression bombs.

    Raises:
        UndecodableError: the encoding is unknown.
    """

    __slots__ = ("_current", "_limit", "_new")

    def __init__(self, encoding: str, limit: int) -> None:
        encoding = encoding.strip().lower().removeprefix("x-")
        self._limit = limit
        self._new: Callable[[], _Decompressor] | None = None
        self._current: _Decompressor | None = None
        if encoding not in _IDENTITY:
            self._new = _DECOMPRESSORS.get(encoding)
            if self._new is None:
                raise UndecodableError

    def feed(self, piece: bytes) -> bytes:
        """Decode the next bytes.

        Raises:
            TooLargeError: the decoded bytes exceed the limit.
            UndecodableError: the bytes are invalid.
        """
        if self._new is None or not piece:
            return piece
        data = self._decompress(piece, self._new)
        if len(data) > self._limit:
            raise TooLargeError
        return data

    def finish(self) -> None:
        """End the body. Raises UndecodableError if it is incomplete."""
        if self._new is not None and (self._current is None or not self._current.eof):
            raise UndecodableError

    def whole(self, body: bytes, most: int | None = None) -> bytes:
        """Decode a whole body. Raises the errors of ``feed`` and ``finish``.

        Args:
            body: the body as received.
            most: a size limit for this body, if it is lower than the decoder's.
        """
        if most is not None:
            self._limit = min(self._limit, most)
        data = self.feed(body)
        if len(data) > self._limit:
            raise TooLargeError
        self.finish()
        return data

    def _decompress(self, piece: bytes, new: Callable[[], _Decompressor]) -> bytes:
        out: list[bytes] = []
        room, copied = self._limit + 1, 0
        while copied <= _MOST_COPIED:
            if self._current is None or (self._current.eof and new is not _Brotli):
                self._current = new()  # the first member, or a further one
            try:
                out.append(self._current.decompress(piece, room))
            except _ERRORS as error:
                raise UndecodableError from error
            room -= len(out[-1])
            piece = self._current.unused_data
            copied += len(piece)
            if not piece or room <= 0:
                return b"".join(out)
        raise UndecodableError
