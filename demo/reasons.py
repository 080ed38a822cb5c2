"""Why a server did not start: the line of its log that says so, and what a person can do."""

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
        "The environment is not complete: run `make clean`, then the same command again.",
    ),
)


def reason(log: str) -> str:
    """Find the cause of a failure in a server's log.

    Returns:
        The message of the first exception (of several in a chain that is the cause of the others),
        else the last line about an error, else the last line. On a second line a hint, if one is
        known. An empty string if the log is empty.
    """
    lines = [line for line in log.splitlines() if line.strip()]
    found = next(_exceptions(lines), "")
    if not found and lines:
        found = next((line for line in reversed(lines) if _BAD.search(line)), lines[-1])
    hint = next((hint for pattern, hint in _HINTS if pattern.search(found)), "")
    return f"{found.strip()}\n{hint}".strip()


def _exceptions(lines: list[str]) -> Iterator[str]:
    """The last line of each traceback: the first that is indented no more than its head."""
    margin: int | None = None
    for line in lines:
        if _TRACEBACK in line:
            margin = _indent(line)
        elif margin is not None and _indent(line) <= margin:
            yield line
            margin = None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" |+"))  # an exception group has a margin of these
