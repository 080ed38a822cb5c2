"""Reads one sentence, which clients may see, from the error bodies of model servers.

Known forms:

* OIP itself, MLServer and Triton: ``{"error": "<message>"}``; Triton's also as an event
* MLServer's request validation: ``{"detail": [{"loc": [...], "msg": "..."}]}``
* MLServer's router: ``{"detail": "Not Found"}``
* providers: ``{"error": {"message": "..."}}``, the same in a list (Google), or without the envelope
  (vLLM, Mistral)
* crashes, pipelines, proxies: ``text/plain``; Seldon's mesh for an unknown model: nothing at all
"""

import re
from collections.abc import Collection
from typing import Any

import msgspec

_INTERNAL = re.compile(
    r"\b\d{1,3}(\.\d{1,3}){3}\b"  # an IPv4 address
    r"|\[[\da-fA-F]*:[\da-fA-F:]*:[\da-fA-F]*\]"  # an IPv6 address
    r"|\w://"  # a URL
    r"|(?:\blocalhost|\w\.[\w.-]*\w):\d{2,5}\b|\.(?:svc|local)\b"  # a host
    r"|(?:^|[^\w.])(?:~|\.{1,2})?/[\w.]|\b[A-Za-z]:\\"  # a path
)
_URL = re.compile(r"\bhttps?://[^\s\"'`<>\\]+")
_REQUEST_ID = re.compile(r"\[request id: [^\]]*\]\s*")  # what Triton puts before its sentences
_EVENT = b"data:"
_LONGEST = 500  # characters; a longer message is cut


def decode_document(body: bytes) -> Any:
    """The JSON in an error body, which may be written as an event; None if there is none."""
    text = body.strip()
    try:
        return msgspec.json.decode(text.removeprefix(_EVENT))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def find_message(body: bytes) -> str | None:
    """The message in an error body, unchanged; None if there is none.

    Text that is not JSON is a message only if it is a single line.
    """
    document = decode_document(body)
    if document is None and body.strip() != b"null":
        try:
            document = body.decode().strip()
        except UnicodeDecodeError:
            return None
        if "\n" in document or document.startswith("<"):
            return None
    return message_in(document)


def message_in(document: Any) -> str | None:
    """As :func:`find_message`, for decoded JSON."""
    match document:
        case [first, *_]:
            return message_in(first) if isinstance(first, dict) else None
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


def presentable(message: str, known_urls: Collection[str] = ()) -> str | None:
    """The first line of a message, or None if clients must not see it.

    Clients must not see internal details: stack traces, addresses, URLs and paths.

    Args:
        message: the server's message.
        known_urls: URLs of the client's request, which may be shown.
    """
    if "Traceback (most recent call last)" in message:
        return None
    line = _REQUEST_ID.sub("", message.strip()[: 2 * _LONGEST]).partition("\n")[0].strip()
    while (shorter := _without_class(line)) != line:  # exceptions can be nested
        line = shorter
    if not line or not line.isprintable() or _INTERNAL.search(_without_known(line, known_urls)):
        return None
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _without_known(line: str, urls: Collection[str]) -> str:
    """Remove the URLs of the client's request; only complete URLs match."""

    def judge(match: re.Match[str]) -> str:
        url = match[0]
        return "" if url.rstrip(".,;:!?)]}") in urls else url

    return _URL.sub(judge, line) if urls else line


def _without_class(line: str) -> str:
    """Remove the prefix ``module.Class: `` that MLServer's worker processes add."""
    head, colon, rest = line.partition(": ")
    *_, name = head.split(".")
    is_class = head.replace(".", "_").isidentifier() and name[:1].isupper()
    named_so = "." in head or name.endswith(("Error", "Exception"))
    return rest if colon and is_class and named_so else line
