"""Requests accepted, and their responses translated, for tests of what comes out."""

import json
from typing import Any

from translator.contracts.models import Models, Target
from translator.operations.base import Inference, Operation, Stream
from translator.operations.chat.operation import CHAT
from translator.tasks.tool_calls import CallPiece

NOW = 1_700_000_000
"""The time that the fixture ``_fixed_time`` of tests/unit/operations stops the clock at."""

MODELS = Models()
HELLO = {"role": "user", "content": "Hello!"}
_LIMIT = 64 * 1024 * 1024  # bytes of an event


def accept(
    operation: Operation, body: Any, models: Models = MODELS, model_in_url: str | None = None
) -> Inference:
    """What a request becomes; its body is JSON as bytes, or a document to write as such."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    inference = operation.accept(text, Target(models, model_in_url))
    assert isinstance(inference, Inference)
    return inference


def chat(*, models: Models = MODELS, **fields: Any) -> Inference:
    """A chat completion with these fields, of the model ``m`` and one message."""
    return accept(CHAT, {"model": "m", "messages": [HELLO], **fields}, models)


def chat_stream(*, include_usage: bool = False, limit: int = _LIMIT) -> Stream:
    """The stream of a chat completion."""
    inference = chat(stream=True, stream_options={"include_usage": include_usage})
    assert inference.stream is not None
    return inference.stream(limit)


def complete(inference: Inference, *documents: Any) -> bytes:
    """What the client gets for these responses, of which there may be several."""
    return inference.complete([json.dumps(document).encode() for document in documents]).body


def piece(
    arguments: str = "",
    *,
    index: int | None = None,
    id: str | None = None,  # noqa: A002 -- the name of the field
    name: str | None = None,
) -> CallPiece:
    """A piece of a tool call, of which what is not given is left open."""
    return CallPiece(index, id, name, arguments)
