"""The clock of the event loop, in the hands of a test."""

import asyncio

import pytest


class Clock:
    """The clock of the running loop, which a test can advance instead of waiting."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0  # seconds
        loop = asyncio.get_running_loop()
        real = loop.time
        patch.setattr(loop, "time", lambda: real() + self._ahead)

    async def advance(self, *steps: float) -> None:
        """Advance it by some seconds, and by some more; after each, run the timers that are due."""
        for seconds in steps:
            self._ahead += seconds
            # One turn of the loop calls what is due; the second waits for the end of the first.
            await asyncio.sleep(0)
            await asyncio.sleep(0)


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the test's loop."""
    return Clock(monkeypatch)
