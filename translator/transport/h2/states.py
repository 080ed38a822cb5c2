"""The states of a connection and of a stream, and what may follow what. All of it is in two tables.

The connection::

    PREFACE ──preface──▶ SETTINGS ──SETTINGS──▶ OPEN ◀──────────────┐
                                                 └──HEADERS──▶ HEADER_BLOCK ──CONTINUATION

A stream (RFC 9113, section 5.1); one that is not known is idle, or closed, by its number::

    OPEN ──received end──▶ HALF_CLOSED_REMOTE
      └──────────── sent end, reset ──────────▶ closed

A server that ends its answer while the client still speaks tells it to stop (section 8.1), so there
is no state in which only we have ended.
"""

from enum import IntEnum, auto

from translator.transport.h2.frames import Kind


class ConnectionState(IntEnum):
    """Where a connection stands."""

    PREFACE = auto()  # nothing but the client's preface may come
    SETTINGS = auto()  # the first frame must be SETTINGS
    OPEN = auto()
    HEADER_BLOCK = auto()  # a header block goes on in CONTINUATION frames, and nothing between
    CLOSED = auto()  # GOAWAY was sent for an error; nothing is read any more


class StreamState(IntEnum):
    """Where a stream stands that is not closed."""

    OPEN = auto()
    HALF_CLOSED_REMOTE = auto()  # the client has said all it has to say


class Input(IntEnum):
    """What comes on a stream."""

    DATA = auto()
    TRAILERS = auto()
    END = auto()


CONNECTION: dict[ConnectionState, frozenset[int]] = {
    ConnectionState.PREFACE: frozenset(),
    ConnectionState.SETTINGS: frozenset({Kind.SETTINGS}),
    ConnectionState.OPEN: frozenset(range(256)) - {Kind.PUSH_PROMISE, Kind.CONTINUATION},
    ConnectionState.HEADER_BLOCK: frozenset({Kind.CONTINUATION}),
    ConnectionState.CLOSED: frozenset(),
}
"""The kinds of frames that may come. Any other is an error of the connection, PROTOCOL_ERROR."""

STREAM: dict[tuple[StreamState, Input], StreamState] = {
    (StreamState.OPEN, Input.DATA): StreamState.OPEN,
    (StreamState.OPEN, Input.TRAILERS): StreamState.OPEN,
    (StreamState.OPEN, Input.END): StreamState.HALF_CLOSED_REMOTE,
}
"""What follows. What is not here is an error of the stream, STREAM_CLOSED."""
