"""Reads the header blocks of requests, and writes those of responses.

The library hpack needs about 90 us to decode Envoy's block, ten times the CPU of a message, so
decoded blocks are cached. That is possible because our SETTINGS forbid a dynamic table: equal
blocks then have equal fields.
"""

import logging
import re
from collections import OrderedDict

from hpack import Decoder, Encoder
from hpack.exceptions import HPACKError, OversizedHeaderListError

from translator.transport.h2.errors import ConnectionFault, ErrorCode

# At DEBUG, hpack logs every header with its value, which can be credentials.
logging.getLogger("hpack").setLevel(logging.INFO)

Fields = dict[str, str]
"""Header fields by name, with pseudo-headers. The values of one name are joined by commas."""

_KEPT = 64  # blocks; with tracing all blocks differ, and the cache has no hits
_LONGEST_KEPT = 1024  # bytes of a block
_REQUIRED = frozenset({":method", ":scheme", ":path"})
_PSEUDO = _REQUIRED | {":authority"}
_CONNECTION_SPECIFIC = frozenset(
    {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
)
_NAME = re.compile(r":?[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(r"[^\0\r\n]*")

TABLE_SIZE = 4096
"""Bytes of the dynamic table that a client may use until it has seen our SETTINGS."""


class MalformedError(Exception):
    """A malformed request (RFC 9113, section 8.1.1)."""


class HeaderReader:
    """Decodes the header blocks of one connection, in the order of their arrival.

    Args:
        limit: the maximum size in bytes of the decoded fields of a block, plus 32 for each field.
    """

    def __init__(self, limit: int) -> None:
        self._decoder = Decoder(limit)
        self._decoder.max_allowed_table_size = TABLE_SIZE
        self._known: OrderedDict[bytes, Fields | None] = OrderedDict()

    def settings_acknowledged(self) -> None:
        """The client has acknowledged our SETTINGS, so it must not use a dynamic table."""
        self._decoder.max_allowed_table_size = 0

    def read(self, block: bytes) -> Fields:
        """Decode a block.

        Raises:
            ConnectionFault: COMPRESSION_ERROR, the block is not HPACK, and later blocks cannot be
                decoded either; ENHANCE_YOUR_CALM, it is too large.
            MalformedError: the block is not that of a request.
        """
        if block in self._known:
            fields = self._known[block]
            self._known.move_to_end(block)
        else:
            fields = _request(self.pairs(block))
            # Only without a dynamic table is a block independent of earlier ones.
            if self._decoder.max_allowed_table_size == 0 and len(block) <= _LONGEST_KEPT:
                self._known[block] = fields
                if len(self._known) > _KEPT:
                    self._known.popitem(last=False)
        if fields is None:
            raise MalformedError
        return fields

    def skip(self, block: bytes) -> None:
        """Decode trailers, which are not used, because they may change the dynamic table.

        Raises:
            ConnectionFault: as :meth:`read`.
            MalformedError: the block is not that of trailers.
        """
        if _fields(self.pairs(block), frozenset()) is None:
            raise MalformedError

    def pairs(self, block: bytes) -> list[tuple[str, str]]:
        """Decode any block without checks, such as that of a response.

        Raises:
            ConnectionFault: as :meth:`read`.
        """
        try:
            return [
                (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
                for name, value in self._decoder.decode(block, raw=True)
            ]
        except OversizedHeaderListError as error:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "header list too large") from error
        except HPACKError as error:
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, "header block not HPACK") from error


def _request(pairs: list[tuple[str, str]]) -> Fields | None:
    """The fields of a request, or None if they are malformed."""
    fields = _fields(pairs, _PSEUDO)
    if fields is None or not _REQUIRED.issubset(fields) or not fields[":path"]:
        return None
    return fields


def _fields(pairs: list[tuple[str, str]], pseudo: frozenset[str]) -> Fields | None:
    """The fields and the allowed pseudo-headers, or None if they are malformed."""
    fields: Fields = {}
    regular = False
    for name, value in pairs:
        if name.startswith(":"):
            if regular or name in fields or name not in pseudo:
                return None
        else:
            regular = True
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or value != value.strip(" \t"):
            return None
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    if not _CONNECTION_SPECIFIC.isdisjoint(fields) or fields.get("te", "trailers") != "trailers":
        return None
    return fields


def write(*fields: tuple[str, str]) -> bytes:
    """Encode a header block without a dynamic table."""
    encoder = Encoder()
    encoder.header_table_size = 0
    return bytes(encoder.encode(fields, huffman=False))
