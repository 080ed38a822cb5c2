"""What an exchange wants done with the message it was shown: plain data, not yet protobuf."""

from enum import Enum, auto

import msgspec

Headers = tuple[tuple[str, str], ...]


class Mode(Enum):
    """A change of how the rest of the exchange is sent to us."""

    KEEP = auto()
    STREAM = auto()  # show the response body chunk by chunk, as it arrives
    BYPASS = auto()  # show nothing more of this exchange


class Forward(msgspec.Struct, frozen=True):
    """Let the message go on, changed as said.

    Attributes:
        set_headers: names and values; each overwrites.
        remove_headers: names; removed before the others are set.
        body: the new body; None leaves it, b"" swallows it. With a headers message it stands in
            for the body that did not come.
        reroute: choose the route anew, by the headers as they are now.
        mode: how to go on.
    """

    set_headers: Headers = ()
    remove_headers: tuple[str, ...] = ()
    body: bytes | None = None
    reroute: bool = False
    mode: Mode = Mode.KEEP


class Respond(msgspec.Struct, frozen=True):
    """Answer the client here and now; upstream sees nothing of this exchange (any more)."""

    status: int
    headers: Headers
    body: bytes


Action = Forward | Respond

UNCHANGED = Forward()
