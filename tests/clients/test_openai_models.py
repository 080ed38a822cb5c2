"""OpenAI's own Python client with real models."""

import json
import struct
from base64 import b64decode
from itertools import pairwise

import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests import invariants
from tests.clients.wire import check_stream

CHAT_MODELS = ("chatgpt", "local-chat", "openai-chat")
VERBATIM = "openai-chat"
"""Its answers are its provider's."""
QUESTION = [{"role": "user", "content": "What is the capital of Romania?"}]
BRIEF = {"messages": QUESTION, "max_tokens": 20, "temperature": 0}
PNG = b"\x89PNG\r\n\x1a\n"


class Verdict(BaseModel):
    """What the model is made to answer with."""

    right: bool


@pytest.fixture
def client(model_url: str) -> OpenAI:
    return OpenAI(base_url=model_url, api_key="none")


@pytest.mark.parametrize("model", CHAT_MODELS)
def test_a_chat_is_answered(client: OpenAI, model: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, **BRIEF)
    invariants.check_chat_completion(json.loads(raw.text), verbatim=model == VERBATIM)
    answer = raw.parse()
    assert answer.choices[0].message.content
    assert raw.request_id == raw.headers["x-request-id"]


@pytest.mark.parametrize("model", CHAT_MODELS)
def test_a_chat_is_streamed(client: OpenAI, model: str) -> None:
    options = {"model": model, **BRIEF, "stream": True}
    with client.chat.completions.with_streaming_response.create(**options) as raw:
        assert raw.headers["content-type"].startswith("text/event-stream")
        check_stream(raw.iter_lines(), verbatim=model == VERBATIM)

    chunks = list(client.chat.completions.create(**options))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    assert text
    assert [reason for reason in reasons if reason] == [reasons[-1]]
    assert len(chunks) > 2


@pytest.mark.parametrize("model", CHAT_MODELS)
def test_the_stream_helper_aggregates_the_response(client: OpenAI, model: str) -> None:
    with client.chat.completions.stream(model=model, **BRIEF) as stream:
        deltas = "".join(event.delta for event in stream if event.type == "content.delta")
        message = stream.current_completion_snapshot.choices[0].message
    assert message.role == "assistant"
    assert message.content == deltas != ""


@pytest.mark.parametrize("model", CHAT_MODELS)
async def test_asynchronous_clients(model_url: str, model: str) -> None:
    async with AsyncOpenAI(base_url=model_url, api_key="none") as client:
        chat = client.chat.completions
        whole = await chat.create(model=model, **BRIEF)
        stream = await chat.create(model=model, **BRIEF, stream=True)
        streamed = [chunk async for chunk in stream]
    assert whole.choices[0].message.content
    assert "".join(choice.delta.content or "" for chunk in streamed for choice in chunk.choices)


def test_a_stream_can_be_left_and_the_next_request_is_served(client: OpenAI) -> None:
    options = {"model": "chatgpt", "messages": QUESTION}
    with client.chat.completions.create(**options, stream=True) as stream:
        assert next(stream).choices
    assert client.chat.completions.create(**options, max_tokens=1).choices


def test_several_choices(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="chatgpt", **BRIEF, n=2)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert all(choice.message.content for choice in answer.choices)


def test_a_conversation_with_every_plain_kind_of_message(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="chatgpt",
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hello!"}]},
            {"role": "assistant", "content": "Hi."},
            {"role": "user", "content": "Name a colour."},
        ],
        max_tokens=5,
        temperature=0,
    )
    assert answer.choices[0].message.content


def test_a_provider_counts_tokens(client: OpenAI) -> None:
    options = {"model": VERBATIM, **BRIEF, "max_tokens": 3}
    whole = client.chat.completions.create(**options)
    *_, last = client.chat.completions.create(
        **options, stream=True, stream_options={"include_usage": True}
    )
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage is not None
    assert last.usage is not None
    assert last.choices == []
    assert whole.usage.completion_tokens == last.usage.completion_tokens == 3
    assert whole.usage.prompt_tokens == last.usage.prompt_tokens > 0


def test_an_answer_is_parsed_into_a_type(client: OpenAI) -> None:
    answer = client.chat.completions.parse(
        model="chatgpt", response_format=Verdict, **{**BRIEF, "max_tokens": 40}
    )
    assert isinstance(answer.choices[0].message.parsed, Verdict)


def test_the_base_url_of_one_model(model_url: str) -> None:
    seldon = model_url.removesuffix("/v1") + "/v2/models/chatgpt/infer"
    client = OpenAI(base_url=seldon, api_key="none")
    options = {"model": "chatgpt", **BRIEF}
    assert client.chat.completions.create(**options).choices[0].message.content
    assert list(client.chat.completions.create(**options, stream=True))


@pytest.mark.parametrize("given", ["One text", ["A text", "Another", "A third"]])
def test_embeddings_as_numbers_and_as_base64(client: OpenAI, given: str | list[str]) -> None:
    create = client.embeddings.with_raw_response.create
    options = {"model": "openai-embeddings", "input": given}
    # Given no format the client asks for base64 and decodes it.
    default, numbers, encoded = (
        create(**options),
        create(**options, encoding_format="float"),
        create(**options, encoding_format="base64"),
    )
    invariants.check_embeddings(json.loads(default.text), base64_encoded=True)
    invariants.check_embeddings(json.loads(numbers.text))
    count = 1 if isinstance(given, str) else len(given)
    vectors = [item.embedding for item in numbers.parse().data]
    assert len(vectors) == count
    decoded = [item.embedding for item in default.parse().data]
    texts = [item["embedding"] for item in json.loads(encoded.text)["data"]]
    for vector, other, text in zip(vectors, decoded, texts, strict=True):
        assert other == pytest.approx(vector, rel=1e-5, abs=1e-7)
        assert [*struct.unpack(f"<{len(vector)}f", b64decode(text))] == other
        assert sum(number * number for number in vector) == pytest.approx(1, rel=1e-3)
    assert all(first != second for first, second in pairwise(vectors))


@pytest.mark.parametrize("response_format", ["b64_json", "url"])
def test_images(client: OpenAI, response_format: str) -> None:
    raw = client.images.with_raw_response.generate(
        model="openai-images",
        prompt="A beach in Costa Rica",
        n=2,
        size="64x64",
        response_format=response_format,
    )
    invariants.check_images(json.loads(raw.text))
    pictures = [image.b64_json or image.url or "" for image in raw.parse().data or []]
    assert len(pictures) == 2
    assert all(b64decode(text.rpartition(",")[2]).startswith(PNG) for text in pictures)


def test_streamed_images(client: OpenAI) -> None:
    stream = client.images.generate(
        model="openai-images",
        prompt="A beach",
        size="64x64",
        response_format="b64_json",
        stream=True,
    )
    (event,) = stream
    assert event.type == "image_generation.completed"
    assert b64decode(event.b64_json).startswith(PNG)
