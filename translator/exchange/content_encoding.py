"""Undoing content-encoding, within a limit, as the bytes arrive.

Upstream is asked for identity, but a server may compress all the same, and a client may compress
its request. gzip (in several members too, RFC 1952) and deflate (in its zlib form) are understood.
"""

import zlib

_IDENTITY = frozenset({"", "identity"})
_INFLATABLE = frozenset({"gzip", "x-gzip", "deflate"})
_AUTO_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
# In one piece. Each member copies what follows it, so a body made of empty ones would cost the
# square of its size; honest bodies have one, or one for each flush of a stream.
_MOST_MEMBERS = 100


class TooLargeError(Exception):
    """There is more than the limit allows."""


class UndecodableError(Exception):
    """The encoding is not known, or the body is not in it, or its end is missing."""


class Decoder:
    """Decodes one body piece by piece.

    Args:
        encoding: the value of ``content-encoding``, "" where there is none.
        limit: the most bytes that one piece may decode to, so that no bomb goes off.

    Raises:
        UndecodableError: the encoding is not known.
    """

    __slots__ = ("_inflater", "_limit")

    def __init__(self, encoding: str, limit: int) -> None:
        encoding = encoding.strip().lower()
        if encoding not in _IDENTITY and encoding not in _INFLATABLE:
            raise UndecodableError
        self._limit = limit
        self._inflater = None if encoding in _IDENTITY else zlib.decompressobj(_AUTO_GZIP_OR_ZLIB)

    def feed(self, piece: bytes) -> bytes:
        """Decode the next bytes.

        Raises:
            TooLargeError: they decode to more than the limit.
            UndecodableError: they are not what the encoding says.
        """
        data = self._inflate(piece) if piece and self._inflater is not None else piece
        if len(data) > self._limit:
            raise TooLargeError
        return data

    def finish(self) -> None:
        """The body has ended. Raises UndecodableError when its encoding has not."""
        if self._inflater is not None and not self._inflater.eof:
            raise UndecodableError

    def whole(self, body: bytes) -> bytes:
        """Decode a body that is all there. Raises as the two above."""
        data = self.feed(body)
        self.finish()
        return data

    def _inflate(self, piece: bytes) -> bytes:
        out = b""
        for _ in range(_MOST_MEMBERS):
            if self._inflater is None or self._inflater.eof:  # a further member begins
                self._inflater = zlib.decompressobj(_AUTO_GZIP_OR_ZLIB)
            try:
                out += self._inflater.decompress(piece, self._limit - len(out) + 1)
            except zlib.error as error:
                raise UndecodableError from error
            piece = self._inflater.unused_data
            if not piece or len(out) > self._limit:
                return out
        raise UndecodableError
