"""OpenAI's own Python client with tools: the whole loop, both runtimes, whole and streamed."""

import json
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI, pydantic_function_tool
from pydantic import BaseModel

from tests import invariants, oip
from tests.clients import wire
from tests.e2e.upstream import Upstream


class GetWeather(BaseModel):
    """The arguments of the tool."""

    city: str


TOOL = pydantic_function_tool(GetWeather, name="get_weather")
QUESTION = {"role": "user", "content": "Weather in Cluj and in Cluj?"}


def provider_calls(upstream: Upstream) -> None:
    """The OpenAI runtime, streaming: a call in three pieces, then another."""
    pieces: list[dict[str, Any]] = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_weather"}},
        {"index": 0, "function": {"arguments": '{"city":'}},
        {"index": 0, "function": {"arguments": '"Cluj"}'}},
        {
            "index": 1,
            "id": "call_2",
            "type": "function",
            "function": {"name": "get_weather", "arguments": wire.CITY},
        },
    ]
    pieces[0]["function"]["arguments"] = ""
    deltas = [{"role": "assistant", "content": None}, *({"tool_calls": [one]} for one in pieces)]
    upstream.stream(*wire.provider_chunks(*deltas, reason="tool_calls"))


def local_calls(upstream: Upstream) -> None:
    """The local runtime, streaming: the same, with the id in every piece."""
    upstream.stream(
        wire.called(wire.call("call_1", '{"city":')),
        wire.called(wire.call("call_1", '"Cluj"}')),
        wire.called(wire.call("call_2")),
    )


@pytest.fixture
def client(url: str) -> OpenAI:
    return OpenAI(base_url=url, api_key="none", max_retries=0)


def test_the_whole_loop(client: OpenAI, upstream: Upstream) -> None:
    upstream.answer(wire.called(wire.call("call_1"), wire.call("call_2")))
    upstream.answer(oip.answer("Sunny"))
    messages: list[Any] = [QUESTION]
    raw = client.chat.completions.with_raw_response.create(
        model="chat", messages=messages, tools=[TOOL], tool_choice="auto"
    )
    invariants.check_chat_completion(json.loads(raw.text))
    choice = raw.parse().choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    calls = choice.message.tool_calls or []
    assert [(call.id, call.type) for call in calls] == [
        ("call_1", "function"),
        ("call_2", "function"),
    ]
    messages.append(choice.message)
    for call in calls:
        assert call.type == "function"
        assert (call.function.name, call.function.arguments) == ("get_weather", wire.CITY)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "21 degrees"})
    answer = client.chat.completions.create(model="chat", messages=messages, tools=[TOOL])
    assert answer.choices[0].message.content == "Sunny"
    assert answer.choices[0].finish_reason == "stop"

    sent = wire.tensors(upstream)
    assert sent["role"] == ["user", "assistant", "tool", "tool"]
    assert sent["tool_call_id"] == ["", "", "call_1", "call_2"]
    assert [json.loads(text) for text in json.loads(sent["tool_calls"][1])] == [
        call.to_dict() for call in calls
    ]
    assert [json.loads(text) for text in sent["tools"]] == [TOOL]


@pytest.mark.parametrize("script", [local_calls, provider_calls])
def test_streamed_calls(client: OpenAI, upstream: Upstream, script: Any) -> None:
    options = {"model": "chat", "messages": [QUESTION], "tools": [TOOL]}
    script(upstream)
    with client.chat.completions.with_streaming_response.create(**options, stream=True) as raw:
        wire.check_stream(raw.iter_lines(), verbatim=script is provider_calls)

    script(upstream)
    with client.chat.completions.stream(**options) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        choice = stream.get_final_completion().choices[0]
    assert [(event.name, event.index, event.arguments) for event in done] == [
        ("get_weather", 0, wire.CITY),
        ("get_weather", 1, wire.CITY),
    ]
    assert choice.finish_reason == "tool_calls"
    calls = choice.message.tool_calls or []
    assert [call.id for call in calls] == ["call_1", "call_2"]
    assert [call.function.parsed_arguments for call in calls] == [GetWeather(city="Cluj")] * 2


@pytest.mark.parametrize("script", [local_calls, provider_calls])
async def test_streamed_calls_aggregated_by_hand(url: str, upstream: Upstream, script: Any) -> None:
    script(upstream)
    calls: dict[int, list[str]] = {}
    async with AsyncOpenAI(base_url=url, api_key="none") as client:
        stream = await client.chat.completions.create(
            model="chat", messages=[QUESTION], tools=[TOOL], stream=True
        )
        async for chunk in stream:
            for piece in chunk.choices[0].delta.tool_calls or []:
                function = piece.function
                if piece.id:
                    assert function is not None
                    calls[piece.index] = [piece.id, function.name or "", ""]
                calls[piece.index][2] += (function and function.arguments) or ""
    assert calls == {
        0: ["call_1", "get_weather", wire.CITY],
        1: ["call_2", "get_weather", wire.CITY],
    }


def test_a_parsed_answer_with_calls(client: OpenAI, upstream: Upstream) -> None:
    upstream.answer(wire.called(wire.call("call_1")))
    answer = client.chat.completions.parse(model="chat", messages=[QUESTION], tools=[TOOL])
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.function.parsed_arguments == GetWeather(city="Cluj")
