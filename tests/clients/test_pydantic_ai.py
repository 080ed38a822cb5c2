"""Pydantic AI: agents that run, stream, call tools and give typed output."""

from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, ModelHTTPError, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from tests import oip
from tests.clients import wire
from tests.e2e.upstream import Upstream

QUESTION = "What is the capital of Romania?"
SAID = '{"name": "Ada", "age": 36}'


class Person(BaseModel):
    """What answers are parsed into."""

    name: str
    age: int


def agent(url: str, model: str = "chat", **options: Any) -> Agent[None, Any]:
    provider = OpenAIProvider(base_url=url, api_key="none")
    return Agent(
        OpenAIChatModel(model, provider=provider), **{"retries": 0, "output_type": str, **options}
    )


def weather_agent(url: str) -> tuple[Agent[None, Any], list[str]]:
    """An agent with a tool, and what the tool is called with."""
    asked: list[str] = []
    client = agent(url)

    @client.tool_plain
    def get_weather(city: str) -> str:
        """Weather of a city."""
        asked.append(city)
        return "21 degrees"

    return client, asked


@pytest.mark.parametrize("model", ["chatgpt", "openai-chat"])
async def test_a_real_model_runs_and_streams(model_url: str, model: str) -> None:
    settings = ModelSettings(max_tokens=10)
    client = agent(model_url, model, instructions="Be brief.", model_settings=settings)
    assert (await client.run(QUESTION)).output
    async with client.run_stream(QUESTION) as run:
        pieces = [piece async for piece in run.stream_text(delta=True, debounce_by=None)]
    assert "".join(pieces)


async def test_the_whole_tool_loop(url: str, upstream: Upstream) -> None:
    upstream.answer(wire.called(wire.call("call_1")))
    upstream.answer(oip.answer("Sunny"))
    client, asked = weather_agent(url)
    assert (await client.run("Weather?")).output == "Sunny"
    assert asked == ["Cluj"]
    assert wire.tensors(upstream)["role"] == ["user", "assistant", "tool"]
    assert wire.tensors(upstream)["tool_call_id"] == ["", "", "call_1"]


async def test_the_whole_tool_loop_streamed(url: str, upstream: Upstream) -> None:
    upstream.stream(
        wire.called(wire.call("call_1", '{"city":')),
        wire.called(wire.call("call_1", '"Cluj"}')),
        wire.called(wire.call("call_2")),
    )
    upstream.stream(oip.answer("Sun"), oip.answer("ny"))
    client, asked = weather_agent(url)
    async with client.run_stream("Weather?") as run:
        assert await run.get_output() == "Sunny"
    assert asked == ["Cluj", "Cluj"]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", [NativeOutput, PromptedOutput, ToolOutput])
async def test_typed_output(url: str, upstream: Upstream, kind: Any, *, streamed: bool) -> None:
    if kind is ToolOutput:
        halves = [
            wire.called(wire.call("call_1", part, name="final_result"))
            for part in (SAID[:9], SAID[9:])
        ]
        whole = wire.called(wire.call("call_1", SAID, name="final_result"))
    else:
        halves = [oip.answer(SAID[:9]), oip.answer(SAID[9:])]
        whole = oip.answer(SAID)
    client = agent(url, output_type=kind(Person))
    if streamed:
        upstream.stream(*halves)
        async with client.run_stream("Who?") as run:
            output = await run.get_output()
    else:
        upstream.answer(whole)
        output = (await client.run("Who?")).output
    assert output == Person(name="Ada", age=36)


async def test_errors(url: str, upstream: Upstream) -> None:
    upstream.answer({"error": "no such model"}, status="404 Not Found")
    with pytest.raises(ModelHTTPError) as caught:
        await agent(url).run("Hello")
    assert caught.value.status_code == 404
