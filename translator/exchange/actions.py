"""The reply to a message of an exchange: plain data, not yet protobuf."""

from enum import Enum, auto

import msgspec

Headers = tuple[tuple[str, str], ...]


class Mode(Enum):
    """How Envoy sends the rest of the exchange."""

    KEEP = auto()
    STREAM = auto()  # send the response body chunk by chunk, as it arrives
    DUPLEX = auto()  # the same, then the trailers, before which more of the body can be added
    BYPASS = auto()  # send nothing more of this exchange


class Forward(msgspec.Struct, frozen=True):
    """Forward the message with these changes.

    Attributes:
        set_headers: names and values; each replaces an existing header.
        remove_headers: names; removed before the others are set.
        body: the new body; None keeps it, b"" removes it. With a headers message it is the body of
            a message without one.
        ends: in the mode DUPLEX, whether the body ends with this chunk of it; else None.
        reroute: select the route again, by the new headers.
        mode: a change of the mode.
    """

    set_headers: Headers = ()
    remove_headers: tuple[str, ...] = ()
    body: bytes | None = None
    ends: bool | None = None
    reroute: bool = False
    mode: Mode = Mode.KEEP


class Respond(msgspec.Struct, frozen=True):
    """Respond to the client at once; upstream sees nothing (more) of this exchange."""

    status: int
    headers: Headers
    body: bytes


Action = Forward | Respond

UNCHANGED = Forward()
