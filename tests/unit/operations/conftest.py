"""What the tests of all operations stand on."""

import pytest

from tests.unit.translating import NOW


@pytest.fixture(autouse=True)
def _fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every response is created now, after a while of which only the seconds count."""
    monkeypatch.setattr("time.time", lambda: NOW + 0.9)
