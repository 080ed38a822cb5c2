"""The error bodies of model servers, reduced to one sentence that may be shown to a client.

Forms met in the wild:

* OIP itself, MLServer and Triton: ``{"error": "<message>"}``
* MLServer's request validation: ``{"detail": [{"loc": [...], "msg": "..."}]}``
* MLServer's router: ``{"detail": "Not Found"}``
* crashes, pipelines, proxies: ``text/plain``; Seldon's mesh for an unknown model: nothing at all
"""

import re
from typing import Any

import msgspec

_INTERNAL = re.compile(
    r"\b\d{1,3}(\.\d{1,3}){3}\b"  # an IPv4 address
    r"|\[[\da-fA-F]*:[\da-fA-F:]*:[\da-fA-F]*\]"  # an IPv6 address
    r"|\w://"  # a URL
    r"|(?:\blocalhost|\w\.[\w.-]*\w):\d{2,5}\b|\.(?:svc|local)\b"  # a host
    r"|(?:^|[^\w.])(?:~|\.{1,2})?/[\w.]|\b[A-Za-z]:\\"  # a path
)
_LONGEST = 500  # characters; more than a sentence is a dump


def read_message(body: bytes) -> str | None:
    """The sentence in an error body, or None when there is none that a client should see.

    Text that is not JSON is shown only when it is a single printable line; a stack trace never is.
    """
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            document = body.decode().strip()
        except UnicodeDecodeError:
            return None
        if "\n" in document or document.startswith("<"):
            return None
    message = _find(document)
    return None if message is None else presentable(message)


def _find(document: Any) -> str | None:
    match document:
        case str():
            return document
        case {"error": str(message)} | {"detail": str(message)} | {"message": str(message)}:
            return message
        case {"error": {"message": str(message)}}:
            return message
        case {"detail": [{"msg": str(message), **where}, *_]}:
            steps = where.get("loc")
            path = ".".join(str(step) for step in steps[1:]) if isinstance(steps, list) else ""
            return f"{message}: {path}" if path else message
    return None


def presentable(message: str) -> str | None:
    """The first line of a message as a client may see it, or None when it must not.

    Stack traces, addresses, URLs and paths are the inside of somebody's cluster.
    """
    if "Traceback (most recent call last)" in message:
        return None
    line = message.strip()[: 2 * _LONGEST].partition("\n")[0].strip()
    while (shorter := _without_class(line)) != line:  # one exception may wrap another
        line = shorter
    if not line or not line.isprintable() or _INTERNAL.search(line):
        return None
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _without_class(line: str) -> str:
    """Without the ``module.Class: `` that MLServer's worker processes put before a message."""
    head, colon, rest = line.partition(": ")
    *_, name = head.split(".")
    is_class = head.replace(".", "_").isidentifier() and name[:1].isupper()
    named_so = "." in head or name.endswith(("Error", "Exception"))
    return rest if colon and is_class and named_so else line
