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

_LONGEST = 500  # characters; more than a sentence is a dump

# "mlserver.errors.InferenceError: bad tensor", as MLServer's worker processes put it
_CLASS_PREFIX = re.compile(r"^(?:builtins\.)?(?:\w+\.)*\w*(?:Error|Exception|\w+\.\w+): ")
_INTERNAL = re.compile(r"Traceback \(most recent call last\)|File \".*\", line \d+")


def read_message(body: bytes) -> str | None:
    """The sentence in an error body, or None when there is none that a client should see.

    Text that is not JSON is shown only when it is a single printable line; a stack trace never is.
    """
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = body.decode("utf-8", "replace").strip()
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
        case {"detail": [{"msg": str(message)} as first, *_]}:
            path = ".".join(str(step) for step in first.get("loc", ()) if step != "body")
            return f"{message}: {path}" if path else message
    return None


def _clean(message: str | None) -> str | None:
    if not message or _INTERNAL.search(message):
        return None
    line = _CLASS_PREFIX.sub("", message.strip().splitlines()[0] if message.strip() else "")
    if not line:
        return None
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
