"""The examples of the README, before real MLServer and a real model, through real Envoy."""

import base64
import json
import struct
from collections.abc import Iterator
from io import BytesIO
from subprocess import run
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI
from PIL import Image

from tests.e2e.conftest import Gateway, send
from tests.mlserver import ModelServer

CONVERSATION: list[Any] = [
    {"role": "user", "content": "Hello! You answer questions about geography."},
    {"role": "assistant", "content": "Hello! Ask me anything."},
    {"role": "user", "content": "What is the capital of Romania?"},
]
INSTRUCTED: list[Any] = [
    {"role": "developer", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of Romania?"},
]
EXACT: dict[str, Any] = {"temperature": 0, "max_tokens": 100}
"""The same answer in every run, and not a long one."""


@pytest.fixture(params=["global", "per-model", "per-model-stream"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def base_url(gateway: Gateway, form: str, model: str) -> str:
    verb = {"per-model": "infer", "per-model-stream": "infer_stream"}.get(form)
    return f"{gateway.url}/v2/models/{model}/{verb}" if verb else f"{gateway.url}/v1"


def client(gateway: Gateway, form: str, model: str) -> OpenAI:
    return OpenAI(api_key="dummy-key", base_url=base_url(gateway, form, model), max_retries=0)


@pytest.fixture
def v1(model_gateway: Gateway) -> Iterator[OpenAI]:
    with client(model_gateway, "global", "") as made:
        yield made


@pytest.mark.parametrize("model", ["chatgpt", "local-chat", "openai-chat"])
def test_chat(model_gateway: Gateway, form: str, model: str) -> None:
    with client(model_gateway, form, model) as openai:
        answer = openai.chat.completions.create(model=model, messages=CONVERSATION, **EXACT)
    assert answer.id.startswith("chatcmpl-")
    assert answer.object == "chat.completion"
    (choice,) = answer.choices
    assert choice.message.role == "assistant"
    assert "Bucharest" in (choice.message.content or "")
    assert choice.finish_reason == "stop"
    if model == "openai-chat":
        assert answer.usage
        assert answer.usage.total_tokens > 0
    else:
        assert answer.model == model


@pytest.mark.parametrize("model", ["chatgpt", "local-chat", "openai-chat"])
def test_chat_streamed(model_gateway: Gateway, form: str, model: str) -> None:
    with client(model_gateway, form, model) as openai:
        chunks = list(
            openai.chat.completions.create(
                model=model,
                messages=CONVERSATION,
                stream=True,
                stream_options={"include_usage": True},
                **EXACT,
            )
        )
    deltas = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "Bucharest" in "".join(choice.delta.content or "" for choice in deltas)
    assert len(deltas) > 5, "token by token"
    assert [choice.delta.role for choice in deltas if choice.delta.role] == ["assistant"]
    assert [c.finish_reason for c in deltas if c.finish_reason] == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    if model != "openai-chat":  # llama.cpp, the provider, looks at the clock for each chunk
        assert len({chunk.created for chunk in chunks}) == 1
    else:
        assert chunks[-1].choices == []
        assert chunks[-1].usage
        assert chunks[-1].usage.total_tokens > 0


def test_streamed_and_whole_answers_are_the_same(v1: OpenAI) -> None:
    whole = v1.chat.completions.create(model="chatgpt", messages=INSTRUCTED, **EXACT)
    chunks = v1.chat.completions.create(model="chatgpt", messages=INSTRUCTED, stream=True, **EXACT)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert streamed == whole.choices[0].message.content


def test_the_stream_helper_gathers_a_whole_answer(v1: OpenAI) -> None:
    with v1.chat.completions.stream(model="chatgpt", messages=INSTRUCTED, **EXACT) as stream:
        for _ in stream:
            pass
        answer = stream.get_final_completion()
    assert answer.choices[0].message.role == "assistant"
    assert "Bucharest" in (answer.choices[0].message.content or "")


async def test_the_async_client(model_gateway: Gateway) -> None:
    url = f"{model_gateway.url}/v2/models/chatgpt/infer"
    async with AsyncOpenAI(api_key="dummy-key", base_url=url, max_retries=0) as openai:
        answer = await openai.chat.completions.create(
            model="chatgpt", messages=CONVERSATION, **EXACT
        )
        stream = await openai.chat.completions.create(
            model="chatgpt", messages=CONVERSATION, stream=True, **EXACT
        )
        parts = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(parts) == answer.choices[0].message.content


def test_several_choices(v1: OpenAI) -> None:
    answer = v1.chat.completions.create(
        model="chatgpt", messages=INSTRUCTED, n=2, max_tokens=5, temperature=0
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert all(choice.message.content for choice in answer.choices)


def test_embeddings(model_gateway: Gateway, form: str) -> None:
    texts = ["This is a test", "This is another test"]
    with client(model_gateway, form, "openai-embeddings") as openai:
        # The client asks for base64 by itself, and decodes it.
        packed = openai.embeddings.create(model="openai-embeddings", input=texts)
        plain = openai.embeddings.create(
            model="openai-embeddings", input=texts, encoding_format="float"
        )
        one = openai.embeddings.create(model="openai-embeddings", input=texts[0])
    assert [item.index for item in packed.data] == [0, 1]
    for got, wanted in zip(packed.data, plain.data, strict=True):
        width = len(wanted.embedding)
        assert width > 100
        exact = struct.unpack(f"<{width}f", struct.pack(f"<{width}f", *wanted.embedding))
        assert got.embedding == list(exact)
    assert packed.data[0].embedding != packed.data[1].embedding
    assert len(one.data) == 1
    assert packed.usage.total_tokens == 0


@pytest.mark.parametrize("size", ["512x512", "1024x1024"])
def test_images(model_gateway: Gateway, form: str, size: str) -> None:
    prompt = "A beautiful beach in Costa Rica at sunset"
    with client(model_gateway, form, "openai-images") as openai:
        linked = openai.images.generate(model="openai-images", prompt=prompt, n=1, size=size)
        inlined = openai.images.generate(
            model="openai-images", prompt=prompt, n=2, size=size, response_format="b64_json"
        )
    assert linked.created
    assert linked.data
    assert inlined.data
    url = linked.data[0].url or ""
    pictures = [url.partition(";base64,")[2], *(image.b64_json or "" for image in inlined.data)]
    assert len(pictures) == 3
    for picture in pictures:
        with Image.open(BytesIO(base64.b64decode(picture))) as image:
            assert f"{image.width}x{image.height}" == size
            assert image.format == "PNG"


def test_images_streamed(v1: OpenAI) -> None:
    events = list(
        v1.images.generate(model="openai-images", prompt="A beach", size="512x512", stream=True)
    )
    assert [event.type for event in events] == ["image_generation.completed"]
    assert base64.b64decode(events[0].b64_json).startswith(b"\x89PNG")


def curl(url: str, body: dict[str, Any]) -> str:
    options = ["-sSN", "--fail-with-body", url, "-H", "Content-Type: application/json"]
    done = run(  # noqa: S603 -- curl on loopback
        ["curl", *options, "-d", json.dumps(body)],  # noqa: S607 -- wherever it is installed
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("streamed", [False, True])
def test_curl_chat(model_gateway: Gateway, form: str, *, streamed: bool) -> None:
    body = {"model": "chatgpt", "messages": INSTRUCTED, **EXACT}
    url = f"{base_url(model_gateway, form, 'chatgpt')}/chat/completions"
    if streamed:
        out = curl(url, {**body, "stream": True})
        assert out.count("data: [DONE]") == 1
        assert out.endswith("data: [DONE]\n\n")
        return
    assert "Bucharest" in json.loads(curl(url, body))["choices"][0]["message"]["content"]


def test_curl_embeddings(model_gateway: Gateway, form: str) -> None:
    body = {"model": "openai-embeddings", "input": "This is a test", "encoding_format": "float"}
    url = f"{base_url(model_gateway, form, 'openai-embeddings')}/embeddings"
    answer = json.loads(curl(url, body))
    assert answer["object"] == "list"
    assert all(isinstance(number, float) for number in answer["data"][0]["embedding"])


def test_curl_images(model_gateway: Gateway, form: str) -> None:
    body = {"model": "openai-images", "prompt": "A beach", "n": 1, "size": "1024x1024"}
    url = f"{base_url(model_gateway, form, 'openai-images')}/images/generations"
    assert json.loads(curl(url, body))["data"][0]["url"].startswith("data:image/png;base64,")


def test_an_unknown_model_is_not_found(v1: OpenAI) -> None:
    with pytest.raises(NotFoundError) as caught:
        v1.chat.completions.create(model="nope", messages=INSTRUCTED)
    assert caught.value.code == "model_not_found"
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id


def test_what_the_runtime_refuses_is_a_bad_request(v1: OpenAI) -> None:
    picture: Any = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    with pytest.raises(BadRequestError) as caught:
        v1.chat.completions.create(
            model="chatgpt", messages=[{"role": "user", "content": [picture]}]
        )
    assert caught.value.type == "invalid_request_error"
    assert "Traceback" not in caught.value.message


def test_a_refused_request_never_reaches_the_model(v1: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        v1.chat.completions.create(model="chatgpt", messages=[])
    assert (caught.value.code, caught.value.param) == ("empty_array", "messages")


def test_the_gateway_serves_what_mlserver_serves(
    model_gateway: Gateway, mlserver: ModelServer
) -> None:
    for path in ("/v2", "/v2/models/chatgpt", "/v2/health/ready", "/v2/models/nobody"):
        through = model_gateway.request("GET", path)
        straight = send(mlserver.http, "GET", path)
        assert (through.status, through.body) == (straight.status, straight.body)
