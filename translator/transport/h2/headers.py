"""Header blocks: those of requests read, those of answers written.

HPACK is the kept library's work. It takes some 90 us for Envoy's block, ten times what is spent on
a message, so blocks that were decoded before are looked up: without a dynamic table, which our
SETTINGS forbid, a block says the same whenever it comes.
"""

import logging
import re
from collections import OrderedDict

from hpack import Decoder, Encoder
from hpack.exceptions import HPACKError, OversizedHeaderListError

from translator.transport.h2.errors import ConnectionFault, ErrorCode

# At DEBUG it tells every header with its value, and Envoy may be told to send credentials.
logging.getLogger("hpack").setLevel(logging.INFO)

Fields = dict[str, str]
"""Header fields by name, pseudo-headers among them. Those of one name are joined by commas."""

_KEPT = 64  # blocks; with tracing each is another, and then they are of no use
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
    """A request that HTTP/2 does not know (RFC 9113, section 8.1.1)."""


class HeaderReader:
    """Decodes the header blocks of one connection, in the order in which they came.

    Args:
        limit: bytes of the fields of one block, decoded, each counted with 32 more.
    """

    def __init__(self, limit: int) -> None:
        self._decoder = Decoder(limit)
        self._decoder.max_allowed_table_size = TABLE_SIZE
        self._known: OrderedDict[bytes, Fields | None] = OrderedDict()

    def settings_acknowledged(self) -> None:
        """The client has seen our SETTINGS: it may use the dynamic table no more."""
        self._decoder.max_allowed_table_size = 0

    def read(self, block: bytes) -> Fields:
        """Decode a block.

        Raises:
            ConnectionFault: COMPRESSION_ERROR, what follows cannot be read either;
                ENHANCE_YOUR_CALM, there is too much in it.
            MalformedError: it is no request's.
        """
        if block in self._known:
            fields = self._known[block]
            self._known.move_to_end(block)
        else:
            fields = _request(self.pairs(block))
            # A block may change the table or go by it, unless there can be none any more.
            if self._decoder.max_allowed_table_size == 0 and len(block) <= _LONGEST_KEPT:
                self._known[block] = fields
                if len(self._known) > _KEPT:
                    self._known.popitem(last=False)
        if fields is None:
            raise MalformedError
        return fields

    def skip(self, block: bytes) -> None:
        """Decode trailers, which say nothing that is of use here, but may change the table.

        Raises:
            ConnectionFault: as :meth:`read`.
            MalformedError: they are none.
        """
        if _fields(self.pairs(block), frozenset()) is None:
            raise MalformedError

    def pairs(self, block: bytes) -> list[tuple[str, str]]:
        """Decode any block, well-formed or not, a response's for one.

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
    """The fields of a request, or None where they are malformed."""
    fields = _fields(pairs, _PSEUDO)
    if fields is None or not _REQUIRED.issubset(fields) or not fields[":path"]:
        return None
    return fields


def _fields(pairs: list[tuple[str, str]], pseudo: frozenset[str]) -> Fields | None:
    """Fields and the pseudo-headers that may be before them, or None where they are malformed."""
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
    """A block of few fields, without a dynamic table."""
    encoder = Encoder()
    encoder.header_table_size = 0
    return bytes(encoder.encode(fields, huffman=False))
