"""Errors of a server that does not start."""


class ListenError(OSError):
    """The server cannot listen on the address as configured.

    The message is one sentence without a full stop.
    """
