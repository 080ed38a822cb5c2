"""Logs at DEBUG the request id, length and digest of each body received or sent.

The digest identifies a body that was captured elsewhere; the log has none of its content.
"""

import hashlib
import logging
from enum import Enum

from translator.exchange.record import Record

logger = logging.getLogger(__name__)

_DIGITS = 16  # of the SHA-256, in hex


class Direction(Enum):
    """The direction of a body."""

    FROM_CLIENT = "from the client"
    TO_SERVER = "to the model server"
    FROM_SERVER = "from the model server"
    TO_CLIENT = "to the client"


class BodyLog:
    """The bodies of one exchange. Does nothing if DEBUG is off when the exchange begins.

    Args:
        record: each line begins with its ``request_id``.
    """

    __slots__ = ("_open", "_record", "_wanted")

    def __init__(self, record: Record) -> None:
        self._record = record
        self._wanted = logger.isEnabledFor(logging.DEBUG)
        self._open: dict[Direction, _Digest] = {}

    def note(self, direction: Direction, piece: bytes | None, *, last: bool = True) -> None:
        """Add a body, or the next piece of one; the last piece writes the line.

        Args:
            direction: of the body. If its stream is cut, there is no last piece and no line.
            piece: as on the wire; None if there is no body.
            last: whether the body ends with it.
        """
        if not self._wanted or piece is None:
            return
        digest = self._open.pop(direction, None) or _Digest()
        digest.update(piece)
        if not last:
            self._open[direction] = digest
        else:
            logger.debug("%s: %s, %s", self._record.request_id, direction.value, digest)


class _Digest:
    """The length and the SHA-256 of the bytes so far."""

    __slots__ = ("_hash", "_length")

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._length = 0

    def update(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._length += len(piece)

    def __str__(self) -> str:
        return f"{self._length} bytes, sha256 {self._hash.hexdigest()[:_DIGITS]}"
