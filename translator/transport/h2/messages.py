"""gRPC's message framing in the data of a stream, and its statuses.

Source: "gRPC over HTTP2", Length-Prefixed-Message and Trailers.
"""

from collections import deque
from enum import IntEnum
from struct import Struct
from urllib.parse import quote

from translator.transport.h2 import headers

_PREFIX = Struct(">BL")  # the compressed flag and the length
_PREFIX_SIZE = 5

CONTENT_TYPE = "application/grpc"


class Status(IntEnum):
    """The status of a call that has ended."""

    OK = 0
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class CallFault(Exception):  # noqa: N818 -- the client's
    """An error that ends a call.

    Attributes:
        status: the status for the client.
    """

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


_HEAD = ((":status", "200"), ("content-type", CONTENT_TYPE))

HEAD = headers.write(*_HEAD)
"""The header block that begins every response."""


def trailers(status: Status, message: str = "") -> bytes:
    """The header block that ends a response; ``message`` is for logs."""
    return headers.write(*_trailers(status, message))


def only_trailers(status: Status, message: str = "") -> bytes:
    """The header block of a response without messages."""
    return headers.write(*_HEAD, *_trailers(status, message))


def _trailers(status: Status, message: str) -> list[tuple[str, str]]:
    fields = [("grpc-status", str(int(status)))]
    if message:  # percent-encoded, except printable ASCII other than the percent sign
        fields.append(("grpc-message", quote(message, safe=_PLAIN)))
    return fields


_PLAIN = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"

DONE = trailers(Status.OK)
"""The header block that ends a successful call."""


def prefix(size: int) -> bytes:
    """The prefix of a message of ``size`` bytes."""
    return _PREFIX.pack(0, size)


Message = bytes | bytearray


class MessageReader:
    """Parses the messages of one stream.

    Args:
        limit: the maximum size of a message in bytes.
        compresses: whether the call has a ``grpc-encoding``.
    """

    __slots__ = ("_compresses", "_limit", "_message", "_prefix", "_size")

    def __init__(self, limit: int, *, compresses: bool = False) -> None:
        self._limit = limit
        self._compresses = compresses
        self._prefix = b""  # the received part of a prefix
        self._size = -1  # of the current message; -1 if there is none
        self._message = bytearray()  # its received part

    @property
    def is_between(self) -> bool:
        """Whether there is no incomplete message."""
        return self._size < 0 and not self._prefix

    @property
    def held(self) -> int:
        """The received bytes of the incomplete message."""
        return len(self._message)

    @property
    def missing(self) -> int:
        """The missing bytes of the current message; 0 if there is none."""
        return max(self._size - len(self._message), 0)

    def feed(self, data: bytes, messages: deque[Message]) -> None:
        """Parse the next bytes of the stream; append the messages that they complete.

        Raises:
            CallFault: a message is too large, or compressed. Messages before it have been appended.
        """
        at, end = 0, len(data)
        while at < end:
            if self._size < 0:
                missing = _PREFIX_SIZE - len(self._prefix)
                self._prefix += data[at : at + missing]
                at += missing
                if len(self._prefix) < _PREFIX_SIZE:
                    break
                self._begin()
            piece = data[at : at + self._size - len(self._message)]
            at += len(piece)
            if len(piece) == self._size:
                messages.append(piece)
            else:
                # Extended in place: to keep the pieces and join them would take twice the memory.
                self._message += piece
                if len(self._message) < self._size:
                    break
                messages.append(self._message)
                self._message = bytearray()
            self._size = -1

    def _begin(self) -> None:
        compressed, size = _PREFIX.unpack(self._prefix)
        self._prefix = b""
        if compressed:
            if self._compresses:
                raise CallFault(Status.UNIMPLEMENTED, "compression is not supported")
            raise CallFault(Status.INTERNAL, "a compressed message without grpc-encoding")
        if size > self._limit:
            raise CallFault(Status.RESOURCE_EXHAUSTED, f"a message of {size} bytes is too large")
        self._size = size
