"""Event streams as tests write them and read them back."""

import json
from typing import Any


def event(document: Any) -> bytes:
    """One event holding a JSON document."""
    return b"data: %b\n\n" % json.dumps(document, ensure_ascii=False).encode()


def stream(*documents: Any) -> bytes:
    """An event for each document."""
    return b"".join(map(event, documents))


def data_of(output: bytes) -> list[bytes]:
    """The data of every event of our own output, which must be one ``data: `` line each."""
    *events, rest = output.split(b"\n\n")
    assert rest == b""
    for text in events:
        assert text.startswith(b"data: ")
        assert b"\n" not in text
        assert b"\r" not in text
    return [text.removeprefix(b"data: ") for text in events]


def documents_of(output: bytes) -> list[Any]:
    """The documents of a whole stream of ours, which must end with its only ``[DONE]``."""
    *events, last = data_of(output)
    assert last == b"[DONE]"
    return [json.loads(data) for data in events]
