"""wrk's script, run by wrk if it is installed, and its output."""

import json

import pytest

from bench.load import LoadError, parse

WELL = {
    "requests": 10,
    "duration": 2_000_000,
    "p50": 1500,
    "p99": 9000,
    "connect": 0,
    "read": 0,
    "write": 0,
    "timeout": 0,
    "status": 0,
}


def test_the_last_line_is_read() -> None:
    run = parse(f"Running 2s test\n  2 threads\n{json.dumps(WELL)}\n")
    assert run == (10, 2.0, 0.0015, 0.009)


@pytest.mark.parametrize("kind", ["connect", "read", "write", "timeout", "status"])
def test_one_error_fails_the_run(kind: str) -> None:
    with pytest.raises(LoadError, match=f"in 10 requests: {{'{kind}': 1}}"):
        parse(json.dumps({**WELL, kind: 1}))


def test_no_responses_are_an_error() -> None:
    with pytest.raises(LoadError, match="in 0 requests"):
        parse(json.dumps({**WELL, "requests": 0}))
