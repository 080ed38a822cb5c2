"""Results made for tests."""

from bench.results import Result


def result(contender: str, number: int, scenario: str = "chat", **metrics: float) -> Result:
    """A result of the suite ``unary``."""
    return Result("unary", scenario, contender, number, metrics)


MACHINE = {
    "cpu": "Some CPU",
    "cores": 2,
    "kernel": "6.1",
    "python": "3.11.7",
    "envoy": "1.40.0",
    "packages": {"grpcio": "1.85.1"},
    "revision": "abc1234",
    "date": "2026-11-23T07:00:00+00:00",
}
