"""LangChain's clients: chats, streams, tools, structured output and embeddings."""

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from tests import oip
from tests.clients import wire
from tests.e2e.upstream import Upstream

QUESTION = "What is the capital of Romania?"


@tool
def get_weather(city: str) -> str:
    """Weather of a city."""
    return f"Sunny in {city}"


class Person(BaseModel):
    """What answers are parsed into."""

    name: str
    age: int


def chat(url: str, model: str = "chat") -> ChatOpenAI:
    return ChatOpenAI(base_url=url, api_key="none", model=model, temperature=0, max_retries=0)


@pytest.mark.parametrize("model", ["chatgpt", "openai-chat"])
def test_a_real_model_is_invoked_and_streamed(model_url: str, model: str) -> None:
    client = chat(model_url, model)
    answer = client.invoke(QUESTION, max_tokens=10)
    assert isinstance(answer.content, str)
    assert answer.content
    assert answer.id
    pieces = list(client.stream(QUESTION, max_tokens=10))
    whole = sum(pieces[1:], start=pieces[0])
    assert whole.content
    assert len(pieces) > 2


async def test_a_real_model_is_streamed_asynchronously(model_url: str) -> None:
    client = chat(model_url, "chatgpt")
    pieces = [piece.content async for piece in client.astream(QUESTION, max_tokens=10)]
    assert "".join(map(str, pieces))


def test_a_provider_s_usage_is_known(model_url: str) -> None:
    client = chat(model_url, "openai-chat")
    whole = client.invoke(QUESTION, max_tokens=3).usage_metadata
    pieces = list(client.stream(QUESTION, max_tokens=3, stream_usage=True))
    streamed = sum(pieces[1:], start=pieces[0]).usage_metadata
    assert whole is not None
    assert streamed is not None
    assert whole["output_tokens"] == streamed["output_tokens"] == 3
    assert whole["input_tokens"] == streamed["input_tokens"] > 0


def test_the_whole_tool_loop(url: str, upstream: Upstream) -> None:
    upstream.answer(wire.called(wire.call("call_1"), wire.call("call_2")))
    upstream.answer(oip.answer("Sunny"))
    client = chat(url).bind_tools([get_weather])
    messages = [HumanMessage(QUESTION)]
    answer = client.invoke(messages)
    assert answer.response_metadata["finish_reason"] == "tool_calls"
    assert [(call["id"], call["name"], call["args"]) for call in answer.tool_calls] == [
        ("call_1", "get_weather", {"city": "Cluj"}),
        ("call_2", "get_weather", {"city": "Cluj"}),
    ]
    results = [get_weather.invoke(call) for call in answer.tool_calls]
    assert all(isinstance(result, ToolMessage) for result in results)
    assert client.invoke([*messages, answer, *results]).content == "Sunny"
    assert wire.tensors(upstream)["role"] == ["user", "assistant", "tool", "tool"]
    assert wire.tensors(upstream)["tool_call_id"] == ["", "", "call_1", "call_2"]


def test_streamed_tool_calls(url: str, upstream: Upstream) -> None:
    upstream.stream(
        wire.called(wire.call("call_1", '{"city":')),
        wire.called(wire.call("call_1", '"Cluj"}')),
        wire.called(wire.call("call_2")),
    )
    pieces = list(chat(url).bind_tools([get_weather]).stream(QUESTION))
    whole = sum(pieces[1:], start=pieces[0])
    assert isinstance(whole, AIMessageChunk)
    assert [(call["id"], call["name"], call["args"]) for call in whole.tool_calls] == [
        ("call_1", "get_weather", {"city": "Cluj"}),
        ("call_2", "get_weather", {"city": "Cluj"}),
    ]
    assert whole.response_metadata["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("method", ["json_schema", "json_mode", "function_calling"])
def test_structured_output(url: str, upstream: Upstream, method: str) -> None:
    said = '{"name": "Ada", "age": 36}'
    if method == "function_calling":
        upstream.answer(wire.called(wire.call("call_1", said, name="Person")))
    else:
        upstream.answer(oip.answer(said))
    client = chat(url).with_structured_output(Person, method=method)
    assert client.invoke("Who?") == Person(name="Ada", age=36)


def test_embeddings(model_url: str) -> None:
    client = OpenAIEmbeddings(
        base_url=model_url,
        api_key="none",
        model="openai-embeddings",
        check_embedding_ctx_length=False,  # else it sends tokens of OpenAI's own models
    )
    vectors = client.embed_documents(["A text", "Another"])
    assert len(vectors) == 2
    assert len(vectors[0]) == len(vectors[1]) > 0
    assert vectors[0] != vectors[1]
    assert client.embed_query("A text") == pytest.approx(vectors[0], abs=1e-3)
