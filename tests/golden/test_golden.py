"""Golden cases: the translator gives the files of each folder in cases/.

A case is a folder with some of these files; see tests/golden/README.md for how to add one::

    case.toml          path of the OpenAI request; status and content_type of upstream's response
    request.json       the client's request
    oip-request.json   the request to upstream, or the error that refuses the request
    oip-response.json  upstream's response; .sse or .txt for other content
    response.json      the response to the client; .sse for a stream

Texts are compared without the white space between JSON tokens, so that a changed digit or order of
keys is a difference.
"""

import os
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from translator.translate.translation import translate_request, translate_response

CASES = Path(__file__).parent / "cases"
UPDATE = "UPDATE_GOLDEN" in os.environ
"""Write what the translator does instead of comparing, for a person to read and commit."""

NAMES = sorted(folder.name for folder in CASES.iterdir())
KINDS = {".json": "application/json", ".sse": "text/event-stream", ".txt": "text/plain"}


@pytest.fixture(autouse=True)
def _no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same time and the same ids in every run."""
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    fixed = SimpleNamespace(hex="0123456789abcdef0123456789abcdef")
    monkeypatch.setattr("translator.ids.uuid4", lambda: fixed)


@pytest.mark.parametrize("name", NAMES)
def test_request(name: str) -> None:
    folder = CASES / name
    if not (folder / "request.json").exists():
        assert (folder / "response.json").exists() or (folder / "response.sse").exists()
        return
    document, accepted = translate_request(_path(folder), (folder / "request.json").read_bytes())
    body = document["body"] if accepted else document
    _check(folder / "oip-request.json", msgspec.json.encode(body))
    if not accepted:
        assert not (folder / "response.json").exists(), "a refused request gets no answer"


@pytest.mark.parametrize("name", NAMES)
def test_response(name: str) -> None:
    folder = CASES / name
    source = next(folder.glob("oip-response.*"), None)
    if source is None:
        assert "error" in msgspec.json.decode((folder / "oip-request.json").read_bytes())
        return
    request = folder / "request.json"
    case = tomllib.loads((folder / "case.toml").read_text())
    document, _ = translate_response(
        case["path"],
        source.read_bytes(),
        request=request.read_bytes() if request.exists() else None,
        status=case.get("status", 200),
        content_type=case.get("content_type", KINDS[source.suffix]),
    )
    assert document["status"] == case.get("response_status", case.get("status", 200))
    body, kind = document["body"], document["headers"]["content-type"]
    if isinstance(body, str):
        assert kind == "text/event-stream; charset=utf-8"
        _check(folder / "response.sse", body.encode())
    else:
        assert kind == "application/json"
        _check(folder / "response.json", bytes(body))


# What OpenAI's API description requires of each object.
REQUIRED = {
    "chat.completion": {"id", "choices", "created", "model", "object"},
    "chat.completion.chunk": {"id", "choices", "created", "model", "object"},
    "list": {"object", "data", "model", "usage"},
    "image_generation.completed": {
        *("type", "b64_json", "created_at", "usage"),
        *("background", "output_format", "quality", "size"),
    },
    "error": {"message", "type", "param", "code"},
    "": {"created"},  # images
}
CHOICE = {
    "chat.completion": {"index", "message", "finish_reason"},
    "chat.completion.chunk": {"index", "delta", "finish_reason"},
}


@pytest.mark.parametrize("name", NAMES)
def test_what_the_client_gets_has_every_field_that_openai_requires(name: str) -> None:
    for document in _answers(CASES / name):
        if "error" in document:
            assert set(document["error"]) == REQUIRED["error"]
            continue
        kind = document.get("object") or document.get("type") or ""
        assert REQUIRED[kind] <= set(document)
        for choice in document.get("choices", ()):
            assert CHOICE[kind] <= set(choice)
            assert choice["finish_reason"] or kind == "chat.completion.chunk"


def _answers(folder: Path) -> list[Any]:
    """The documents that the client gets, be they one answer, events or the refusal."""
    refused, whole, stream = (
        folder / file for file in ("oip-request.json", "response.json", "response.sse")
    )
    if stream.exists():
        *events, last = stream.read_text().strip().split("\n\n")
        if last != "data: [DONE]":  # images have none
            events.append(last)
        return [msgspec.json.decode(event.removeprefix("data: ")) for event in events]
    if whole.exists():
        return [msgspec.json.decode(whole.read_bytes())]
    return [msgspec.json.decode(refused.read_bytes())]


def _path(folder: Path) -> str:
    return str(tomllib.loads((folder / "case.toml").read_text())["path"])


def _check(file: Path, got: bytes) -> None:
    if UPDATE:
        pretty = msgspec.json.format(got, indent=2) + b"\n" if file.suffix == ".json" else got
        file.write_bytes(pretty)
    wanted = file.read_bytes()
    if file.suffix == ".json":
        got, wanted = (msgspec.json.format(text, indent=-1) for text in (got, wanted))
    assert got.decode() == wanted.decode()
