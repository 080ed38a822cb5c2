"""Finds in a server's log why it did not start, with a hint for known causes."""

import re
from collections.abc import Iterator

_TRACEBACK = "Traceback (most recent call last):"
_BAD = re.compile(r"\b(critical|error|fatal)\b", re.IGNORECASE)
_HINTS = (
    (
        re.compile(r"libgomp\.so\.1: cannot open shared object file"),
        "Install the library: apt-get install libgomp1",
    ),
    (
        re.compile(r"No module named|cannot open shared object file"),
        "The environment is incomplete: run `make clean`, then the same command again.",
    ),
)


def reason(log: str) -> str:
    """Find the cause of a failure in a server's log.

    Returns:
        The message of the first exception (in a chain, the root cause), else the last line about
        an error, else the last line; on a second line a hint, if there is one. An empty string if
        the log is empty.
    """
    lines = [line for line in log.splitlines() if line.strip()]
    found = next(_exceptions(lines), "")
    if not found and lines:
        found = next((line for line in reversed(lines) if _BAD.search(line)), lines[-1])
    hint = next((hint for pattern, hint in _HINTS if pattern.search(found)), "")
    return f"{found.strip()}\n{hint}".strip()


def _exceptions(lines: list[str]) -> Iterator[str]:
    """The last line of each traceback: the first line that is not indented more than its head."""
    margin: int | None = None
    for line in lines:
        if _TRACEBACK in line:
            margin = _indent(line)
        elif margin is not None and _indent(line) <= margin:
            yield line
            margin = None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" |+"))  # exception groups indent with these
