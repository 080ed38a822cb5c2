"""What can go wrong before the first stream."""


class ListenError(OSError):
    """The address to listen on cannot be had, or not in the way asked for.

    The message is one sentence for a person, without a full stop.
    """
