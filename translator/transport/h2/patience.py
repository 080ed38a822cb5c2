"""Counts useless frames and streams of a peer, up to a limit."""

from translator.transport.h2.errors import ConnectionFault, ErrorCode
from translator.transport.h2.limits import Limits


class Patience:
    """The counts of one connection.

    Args:
        limits: the maximum counts.
    """

    __slots__ = ("_limits", "_settings", "_updates", "_useless", "_wasted")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._updates = 0  # WINDOW_UPDATE frames that the sent data explains
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

    def sent(self, frames: int) -> None:
        """Count sent DATA frames. Each explains a WINDOW_UPDATE of its stream and of all."""
        self._updates += 2 * frames

    def update(self) -> None:
        """Count WINDOW_UPDATE, which is useless if no sent data explains it."""
        if self._updates > 0:
            self._updates -= 1
        else:
            self.useless()

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
