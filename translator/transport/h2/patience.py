"""Counts what a peer does to no purpose, until it is enough."""

from translator.transport.h2.errors import ConnectionFault, ErrorCode
from translator.transport.h2.limits import Limits


class Patience:
    """With one connection.

    Args:
        limits: how much there is.
    """

    __slots__ = ("_limits", "_settings", "_useless", "_wasted")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.renew()

    def renew(self) -> None:
        """Some time has gone by, and all is forgotten."""
        self._useless = self._wasted = self._settings = 0

    def useful(self) -> None:
        """Count a frame that brings something forward, which makes up for one that does not."""
        if self._useless > 0:
            self._useless -= 1

    def excuse(self, frames: int) -> None:
        """Expect so many frames that are useless through no fault of the client's."""
        self._useless -= frames

    def useless(self) -> None:
        """Count a frame that does not. Raises ConnectionFault when it is one too many."""
        self._useless += 1
        if self._useless > self._limits.useless:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many frames to no purpose")

    def settings(self) -> None:
        """Count SETTINGS, which nothing makes up for. Raises ConnectionFault as above."""
        self._settings += 1
        if self._settings > self._limits.settings:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many SETTINGS")

    def wasted(self) -> None:
        """Count a stream that was opened for nothing. Raises ConnectionFault as above."""
        self._wasted += 1
        if self._wasted > self._limits.wasted:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many streams to no purpose")
