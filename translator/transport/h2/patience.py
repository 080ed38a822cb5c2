"""Counts useless frames and streams of a peer, up to a limit."""

from translator.transport.h2.errors import ConnectionFault, ErrorCode
from translator.transport.h2.limits import Limits


class Patience:
    """The counts of one connection.

    Args:
        limits: the maximum counts.
    """

    __slots__ = ("_limits", "_settings", "_useless", "_wasted")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.renew()

    def renew(self) -> None:
        """Reset the counts after the interval."""
        self._useless = self._wasted = self._settings = 0

    def useful(self) -> None:
        """Count a useful frame, which offsets a useless one."""
        if self._useless > 0:
            self._useless -= 1

    def excuse(self, frames: int) -> None:
        """Allow so many more useless frames that are not the client's fault."""
        self._useless -= frames

    def useless(self) -> None:
        """Count a useless frame. Raises ConnectionFault above the limit."""
        self._useless += 1
        if self._useless > self._limits.useless:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many useless frames")

    def settings(self) -> None:
        """Count SETTINGS, which nothing offsets. Raises ConnectionFault above the limit."""
        self._settings += 1
        if self._settings > self._limits.settings:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many SETTINGS")

    def wasted(self) -> None:
        """Count a wasted stream. Raises ConnectionFault above the limit."""
        self._wasted += 1
        if self._wasted > self._limits.wasted:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many wasted streams")
