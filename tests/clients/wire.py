"""The wire on both sides of the gateway: scripted OIP answers, and answers to clients."""

import json
from collections.abc import Iterable
from typing import Any

from tests import invariants, oip
from tests.e2e.upstream import Upstream

CITY = '{"city":"Cluj"}'
"""The arguments of every scripted tool call."""


def call(identity: str, arguments: str = CITY, name: str = "get_weather") -> str:
    """A tool call as an element of the local runtime's tensor ``tool_calls``."""
    return json.dumps({"id": identity, "function": {"name": name, "arguments": arguments}})


def called(*calls: str) -> dict[str, Any]:
    """An OIP response, or an event, in which the local runtime calls tools."""
    return oip.response(
        oip.text("role", "assistant"),
        oip.text("content", ""),
        oip.text("type", "text"),
        oip.text("tool_calls", json.dumps(calls)),
    )


def output_all(document: dict[str, Any]) -> dict[str, Any]:
    """An OIP response, or an event, with a provider's own JSON in it."""
    return oip.response(oip.text("output_all", json.dumps(document, indent=2)))


def provider_chunks(*deltas: dict[str, Any], reason: str = "stop") -> list[dict[str, Any]]:
    """The events of the OpenAI runtime: chunks with these deltas, and one with the reason."""
    head = {"id": "chatcmpl-p", "object": "chat.completion.chunk", "created": 1, "model": "gpt"}
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": reason})
    return [output_all({**head, "choices": [choice]}) for choice in choices]


def tensors(upstream: Upstream, request: int = -1) -> dict[str, list[Any]]:
    """The data of a received request's tensors by their names."""
    return {tensor["name"]: tensor["data"] for tensor in upstream.received[request].json["inputs"]}


def parameters(upstream: Upstream, request: int = -1) -> dict[str, Any]:
    """The OpenAI parameters in a received request."""
    return dict(upstream.received[request].json["parameters"]["llm_parameters"])


def events(lines: Iterable[str]) -> list[Any]:
    """The data of an event stream, which must end with one [DONE]."""
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert data.count("[DONE]") == 1
    assert data[-1] == "[DONE]"
    return [json.loads(text) for text in data[:-1]]


def check_stream(lines: Iterable[str], **options: bool) -> list[Any]:
    """The chunks of a stream that holds what clients rely on."""
    chunks = events(lines)
    invariants.check_chunks(chunks, **options)
    return chunks
