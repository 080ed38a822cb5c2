"""What a connection tells of."""

import msgspec

from translator.transport.h2.errors import ErrorCode
from translator.transport.h2.headers import Fields


class Opened(msgspec.Struct, frozen=True, gc=False):
    """A client has begun a request."""

    stream: int
    fields: Fields


class Received(msgspec.Struct, frozen=True, gc=False):
    """The next bytes of a request; ``ended``: and its last."""

    stream: int
    data: bytes
    ended: bool


class Reset(msgspec.Struct, frozen=True, gc=False):
    """A stream is gone, by the client's will or its fault."""

    stream: int


class Lost(msgspec.Struct, frozen=True, gc=False):
    """The connection is to be closed as soon as all is sent; every stream is gone."""

    code: ErrorCode
    reason: str


Event = Opened | Received | Reset | Lost
