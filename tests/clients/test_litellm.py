"""LiteLLM as a client: responses, streams, tool calls, errors and vectors."""

from typing import Any

import litellm
import pytest

from tests import oip
from tests.clients import wire
from tests.e2e.upstream import Upstream

QUESTION = [{"role": "user", "content": "What is the capital of Romania?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def options(url: str, model: str = "chat", **more: Any) -> dict[str, Any]:
    base = {"model": f"openai/{model}", "api_base": url, "api_key": "none", "max_retries": 0}
    return {**base, **more}


@pytest.mark.parametrize("model", ["chatgpt", "openai-chat"])
def test_a_real_model_completes_and_streams(model_url: str, model: str) -> None:
    request = options(model_url, model, messages=QUESTION, max_tokens=10, temperature=0)
    answer = litellm.completion(**request)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in {"stop", "length"}
    chunks = list(litellm.completion(**request, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason in {"stop", "length"}


async def test_a_real_model_streams_asynchronously(model_url: str) -> None:
    request = options(model_url, "chatgpt", messages=QUESTION, max_tokens=10, temperature=0)
    stream = await litellm.acompletion(**request, stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


def test_tool_calls(url: str, upstream: Upstream) -> None:
    upstream.answer(wire.called(wire.call("call_1")))
    answer = litellm.completion(**options(url, messages=QUESTION, tools=[TOOL]))
    assert answer.choices[0].finish_reason == "tool_calls"
    (call,) = answer.choices[0].message.tool_calls
    assert (call.id, call.function.name, call.function.arguments) == (
        "call_1",
        "get_weather",
        wire.CITY,
    )


def test_streamed_tool_calls(url: str, upstream: Upstream) -> None:
    upstream.stream(
        wire.called(wire.call("call_1", '{"city":')),
        wire.called(wire.call("call_1", '"Cluj"}')),
        wire.called(wire.call("call_2")),
    )
    chunks = list(litellm.completion(**options(url, messages=QUESTION, tools=[TOOL], stream=True)))
    whole = litellm.stream_chunk_builder(chunks)
    assert whole is not None
    assert [
        (call.id, call.function.name, call.function.arguments)
        for call in whole.choices[0].message.tool_calls
    ] == [("call_1", "get_weather", wire.CITY), ("call_2", "get_weather", wire.CITY)]
    assert whole.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        ("400 Bad Request", litellm.BadRequestError),
        ("404 Not Found", litellm.NotFoundError),
        ("503 Service Unavailable", litellm.ServiceUnavailableError),
    ],
)
def test_errors(url: str, upstream: Upstream, status: str, raised: type[Exception]) -> None:
    upstream.answer({"error": "out of memory"}, status=status)
    with pytest.raises(raised):
        litellm.completion(**options(url, messages=QUESTION))
    assert len(upstream.received) == 1


def test_an_error_in_a_stream(url: str, upstream: Upstream) -> None:
    upstream.stream(oip.answer("Hel"), {"error": "out of memory"})
    with pytest.raises(litellm.exceptions.MidStreamFallbackError, match="out of memory"):
        list(litellm.completion(**options(url, messages=QUESTION, stream=True)))


def test_embeddings(model_url: str) -> None:
    answer = litellm.embedding(**options(model_url, "openai-embeddings", input=["A", "B"]))
    first, second = (item["embedding"] for item in answer.data)
    assert len(first) == len(second) > 0
    assert first != second
