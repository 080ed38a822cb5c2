"""The events of a connection."""

import msgspec

from translator.transport.h2.errors import ErrorCode
from translator.transport.h2.headers import Fields


class Opened(msgspec.Struct, frozen=True, gc=False):
    """A client has begun a request."""

    stream: int
    fields: Fields


class Received(msgspec.Struct, frozen=True, gc=False):
    """The next bytes of a request; ``ended`` if they are the last."""

    stream: int
    data: bytes
    ended: bool


class Reset(msgspec.Struct, frozen=True, gc=False):
    """A stream was reset, by the client or for its error."""

    stream: int


class Lost(msgspec.Struct, frozen=True, gc=False):
    """The connection has ended, and with it all streams. Close it when all data has been sent."""

    code: ErrorCode
    reason: str


Event = Opened | Received | Reset | Lost
