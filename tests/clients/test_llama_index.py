"""LlamaIndex's clients for servers like OpenAI: chats, streams, tools and embeddings."""

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

from tests import oip
from tests.clients import wire
from tests.e2e.upstream import Upstream

QUESTION = ChatMessage(role="user", content="What is the capital of Romania?")


def get_weather(city: str) -> str:
    """Weather of a city."""
    return f"Sunny in {city}"


TOOL = FunctionTool.from_defaults(get_weather)


def chat(url: str, model: str = "chat") -> OpenAILike:
    return OpenAILike(
        api_base=url,
        api_key="none",
        model=model,
        is_chat_model=True,
        is_function_calling_model=True,
        max_retries=0,
        max_tokens=10,
        temperature=0,
    )


@pytest.mark.parametrize("model", ["chatgpt", "openai-chat"])
def test_a_real_model_chats_and_streams(model_url: str, model: str) -> None:
    client = chat(model_url, model)
    assert client.chat([QUESTION]).message.content
    pieces = list(client.stream_chat([QUESTION]))
    assert pieces[-1].message.content
    assert pieces[-1].message.content == "".join(piece.delta or "" for piece in pieces)


async def test_a_real_model_completes_asynchronously(model_url: str) -> None:
    client = chat(model_url, "chatgpt")
    assert (await client.acomplete("Hello")).text
    assert [piece async for piece in await client.astream_complete("Hello")][-1].text


def test_the_whole_tool_loop(url: str, upstream: Upstream) -> None:
    upstream.answer(wire.called(wire.call("call_1"), wire.call("call_2")))
    upstream.answer(oip.answer("Sunny"))
    client = chat(url)
    answer = client.chat_with_tools([TOOL], chat_history=[QUESTION], allow_parallel_tool_calls=True)
    calls = client.get_tool_calls_from_response(answer)
    assert [(call.tool_id, call.tool_name, call.tool_kwargs) for call in calls] == [
        ("call_1", "get_weather", {"city": "Cluj"}),
        ("call_2", "get_weather", {"city": "Cluj"}),
    ]
    results = [
        ChatMessage(role="tool", content="Sunny", additional_kwargs={"tool_call_id": call.tool_id})
        for call in calls
    ]
    final = client.chat([QUESTION, answer.message, *results])
    assert final.message.content == "Sunny"
    assert wire.tensors(upstream)["tool_call_id"] == ["", "", "call_1", "call_2"]


def test_streamed_tool_calls(url: str, upstream: Upstream) -> None:
    upstream.stream(
        wire.called(wire.call("call_1", '{"city":')),
        wire.called(wire.call("call_1", '"Cluj"}')),
        wire.called(wire.call("call_2")),
    )
    client = chat(url)
    *_, last = client.stream_chat_with_tools(
        [TOOL], chat_history=[QUESTION], allow_parallel_tool_calls=True
    )
    calls = client.get_tool_calls_from_response(last)
    assert [(call.tool_id, call.tool_name, call.tool_kwargs) for call in calls] == [
        ("call_1", "get_weather", {"city": "Cluj"}),
        ("call_2", "get_weather", {"city": "Cluj"}),
    ]


def test_embeddings(model_url: str) -> None:
    client = OpenAILikeEmbedding(api_base=model_url, api_key="none", model_name="openai-embeddings")
    vectors = client.get_text_embedding_batch(["A text", "Another"])
    assert len(vectors) == 2
    assert len(vectors[0]) == len(vectors[1]) > 0
    assert vectors[0] != vectors[1]
    assert client.get_query_embedding("A text") == pytest.approx(vectors[0], abs=1e-3)
