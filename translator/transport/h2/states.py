"""The states of a connection and of a stream, and their transitions, as two tables.

The connection::

    PREFACE ──preface──▶ SETTINGS ──SETTINGS──▶ OPEN ◀──────────────┐
                                                 └──HEADERS──▶ HEADER_BLOCK ──CONTINUATION

A stream (RFC 9113, section 5.1); an unknown one is idle or closed, by its id::

    OPEN ──received end──▶ HALF_CLOSED_REMOTE
      └──────────── sent end, reset ──────────▶ closed

A server that ends its response before the request is complete resets the stream (section 8.1), so
there is no half-closed (local) state.
"""

from enum import IntEnum, auto

from translator.transport.h2.frames import Kind


class ConnectionState(IntEnum):
    """The state of a connection."""

    PREFACE = auto()  # waiting for the client's preface
    SETTINGS = auto()  # the first frame must be SETTINGS
    OPEN = auto()
    HEADER_BLOCK = auto()  # only CONTINUATION frames of the header block may come
    CLOSED = auto()  # GOAWAY was sent for an error; input is ignored


class StreamState(IntEnum):
    """The state of a stream that is not closed."""

    OPEN = auto()
    HALF_CLOSED_REMOTE = auto()  # the client has sent END_STREAM


class Input(IntEnum):
    """The input of a stream."""

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
"""The allowed kinds of frames. Any other is a connection error, PROTOCOL_ERROR."""

STREAM: dict[tuple[StreamState, Input], StreamState] = {
    (StreamState.OPEN, Input.DATA): StreamState.OPEN,
    (StreamState.OPEN, Input.TRAILERS): StreamState.OPEN,
    (StreamState.OPEN, Input.END): StreamState.HALF_CLOSED_REMOTE,
}
"""The transitions. Any other input is a stream error, STREAM_CLOSED."""
