"""Undoing content-encoding, within a limit, as the bytes arrive.

Upstream is asked for identity, but a server may compress all the same, and a client may compress
its request. gzip and deflate are understood.
"""

import zlib

IDENTITY = ("", "identity")
INFLATABLE = ("gzip", "x-gzip", "deflate")

_AUTO_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class TooLargeError(Exception):
    """More would come out than the limit allows."""


class Inflater:
    """Decodes gzip or zlib data piece by piece.

    Args:
        limit: the most bytes that one piece may decode to, so that no bomb goes off.
    """

    __slots__ = ("_limit", "_zlib")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._zlib = zlib.decompressobj(_AUTO_GZIP_OR_ZLIB)

    def feed(self, piece: bytes) -> bytes:
        """Decode the next bytes.

        Raises:
            TooLargeError: they decode to more than the limit.
            zlib.error: they are not gzip or zlib data.
        """
        data = self._zlib.decompress(piece, self._limit + 1)
        if len(data) > self._limit:
            raise TooLargeError
        return data

    @property
    def complete(self) -> bool:
        """Whether the end of the data has been seen."""
        return self._zlib.eof


def inflate(body: bytes, limit: int) -> bytes:
    """Decode a whole body. Raises as :meth:`Inflater.feed`, also when the end is missing."""
    inflater = Inflater(limit)
    data = inflater.feed(body)
    if not inflater.complete:
        msg = "truncated"
        raise zlib.error(msg)
    return data
