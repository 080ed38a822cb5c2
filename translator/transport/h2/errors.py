"""Errors of a peer, with the error codes of HTTP/2 (RFC 9113, section 7)."""

from enum import IntEnum


class ErrorCode(IntEnum):
    """The reason for which a stream or a connection ends."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    ENHANCE_YOUR_CALM = 0xB


class ConnectionFault(Exception):  # noqa: N818 -- RFC 9113 says connection error; it is the peer's
    """An error that ends the connection.

    Attributes:
        code: the error code of GOAWAY.
    """

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class StreamFault(Exception):  # noqa: N818 -- as above
    """An error that ends one stream.

    Attributes:
        stream: the id of the stream.
        code: the error code of RST_STREAM.
    """

    def __init__(self, stream: int, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.stream = stream
        self.code = code
