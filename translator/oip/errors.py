"""The error bodies of model servers, reduced to one sentence that may be shown to a client.

Forms met in the wild:

* OIP itself, MLServer and Triton: ``{"error": "<message>"}``
* MLServer's request validation: ``{"detail": [{"loc": [...], "msg": "..."}]}``
* MLServer's router: ``{"detail": "Not Found"}``
* crashes, pipelines, proxies: ``text/plain``; Seldon's mesh for an unknown model: nothing at all
"""

from typing import Any

import msgspec

_INTERNAL = ("Traceback (most recent call last)", 'File "')
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
    return _clean(_find(document))


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


def _clean(message: str | None) -> str | None:
    if not message or any(mark in message for mark in _INTERNAL):
        return None
    line = message.strip()[: 2 * _LONGEST].partition("\n")[0].strip()
    line = _without_class(line)
    if not line or not line.isprintable():
        return None
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _without_class(line: str) -> str:
    """Without the ``module.Class: `` that MLServer's worker processes put before a message."""
    head, colon, rest = line.partition(": ")
    *_, name = head.split(".")
    is_class = head.replace(".", "_").isidentifier() and name[:1].isupper()
    named_so = "." in head or name.endswith(("Error", "Exception"))
    return rest if colon and is_class and named_so else line
