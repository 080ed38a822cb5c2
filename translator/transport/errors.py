"""Errors before the first stream."""


class ListenError(OSError):
    """The server cannot listen on the address as configured.

    The message is one sentence for a person, without a full stop.
    """
