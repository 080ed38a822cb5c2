"""gRPC's messages in the data of a stream, and its statuses.

Source: "gRPC over HTTP2", Length-Prefixed-Message and Trailers.
"""

from collections import deque
from enum import IntEnum
from struct import Struct
from urllib.parse import quote

from translator.transport.h2 import headers

_PREFIX = Struct(">BL")  # compressed or not, and the length
_PREFIX_SIZE = 5

CONTENT_TYPE = "application/grpc"


class Status(IntEnum):
    """How a call ended."""

    OK = 0
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class CallFault(Exception):  # noqa: N818 -- the client's
    """A call cannot go on.

    Attributes:
        status: what its client is told.
    """

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


_HEAD = ((":status", "200"), ("content-type", CONTENT_TYPE))

HEAD = headers.write(*_HEAD)
"""The header block that begins every answer."""


def trailers(status: Status, message: str = "") -> bytes:
    """The header block that ends an answer; ``message`` is for whoever reads logs."""
    return headers.write(*_trailers(status, message))


def only_trailers(status: Status, message: str = "") -> bytes:
    """The header block that is all of an answer."""
    return headers.write(*_HEAD, *_trailers(status, message))


def _trailers(status: Status, message: str) -> list[tuple[str, str]]:
    fields = [("grpc-status", str(int(status)))]
    if message:  # percent-encoded but for printable ASCII without the percent sign
        fields.append(("grpc-message", quote(message, safe=_PLAIN)))
    return fields


_PLAIN = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"

DONE = trailers(Status.OK)
"""The header block that ends a call that went well."""


def prefix(size: int) -> bytes:
    """What stands before a message of ``size`` bytes."""
    return _PREFIX.pack(0, size)


Message = bytes | bytearray


class MessageReader:
    """Puts the messages of one stream together.

    Args:
        limit: bytes of one message.
        compresses: the call named a compression.
    """

    __slots__ = ("_compresses", "_limit", "_message", "_prefix", "_size")

    def __init__(self, limit: int, *, compresses: bool = False) -> None:
        self._limit = limit
        self._compresses = compresses
        self._prefix = b""  # as much as there is of it
        self._size = -1  # of the message that has begun
        self._message = bytearray()  # what there is of it

    @property
    def is_between(self) -> bool:
        """Whether no message has begun that is not whole."""
        return self._size < 0 and not self._prefix

    def feed(self, data: bytes, messages: deque[Message]) -> None:
        """Take the next bytes of the stream; append the messages that are whole now.

        Raises:
            CallFault: a message is too large, or compressed. Those before it have been appended.
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
                # Grown in place: pieces that are kept and joined would take twice the memory.
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
