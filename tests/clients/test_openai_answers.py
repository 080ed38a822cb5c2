"""OpenAI's own Python client with scripted responses of the model server."""

import base64
import json
import struct

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from tests import invariants, oip
from tests.clients import wire
from tests.e2e.upstream import Upstream

CHAT = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
JSON = '{"name": "Ada", "age": 36}'


class Person(BaseModel):
    """What answers are parsed into."""

    name: str
    age: int


@pytest.fixture
def client(url: str) -> OpenAI:
    return OpenAI(base_url=url, api_key="sk-secret", max_retries=0)


def test_the_request_to_the_model_server(client: OpenAI, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hi"))
    client.chat.completions.create(
        **CHAT, seed=9007199254740993, temperature=0.5, extra_body={"top_k": 40}
    )
    assert wire.tensors(upstream) == {"role": ["user"], "content": ["Hello"], "type": ["text"]}
    assert wire.parameters(upstream) == {
        "seed": 9007199254740993,
        "temperature": 0.5,
        "top_k": 40,
    }
    assert "sk-secret" not in json.dumps(upstream.received[0].headers)


def test_text_of_all_planes_arrives_unharmed(client: OpenAI, upstream: Upstream) -> None:
    text = 'Hé "quoted" \\ \u2028 \x00 🙂\n\n'
    upstream.answer(oip.answer(text))
    upstream.stream(oip.answer(text[:5]), oip.answer(text[5:]))
    assert client.chat.completions.create(**CHAT).choices[0].message.content == text
    with client.chat.completions.stream(**CHAT) as stream:
        assert stream.get_final_completion().choices[0].message.content == text


def test_a_provider_s_answer_is_untouched(client: OpenAI, upstream: Upstream) -> None:
    said = {
        "id": "chatcmpl-p",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt",
        "system_fingerprint": "fp",
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi", "refusal": None},
                "finish_reason": "content_filter",
                "logprobs": {"content": [], "refusal": None},
            }
        ],
    }
    upstream.answer(wire.output_all(said))
    raw = client.chat.completions.with_raw_response.create(**CHAT)
    assert json.loads(raw.text) == said
    invariants.check_chat_completion(said)
    assert raw.parse().choices[0].finish_reason == "content_filter"


def test_usage_is_the_last_chunk_if_requested(client: OpenAI, upstream: Upstream) -> None:
    counts = {"prompt_tokens": 9, "completion_tokens": 2}
    for _ in range(2):
        upstream.stream(oip.answer("Hel"), {**oip.answer("lo"), "parameters": counts})
    options = {"stream_options": {"include_usage": True}}
    create = client.chat.completions.with_streaming_response.create
    with create(**CHAT, **options, stream=True) as raw:
        chunks = wire.check_stream(raw.iter_lines(), include_usage=True)
    assert chunks[-1]["usage"] == {**counts, "total_tokens": 11}
    with client.chat.completions.stream(**CHAT, **options) as stream:
        usage = stream.get_final_completion().usage
    assert usage is not None
    assert usage.total_tokens == 11


def test_several_streamed_choices(client: OpenAI, upstream: Upstream) -> None:
    upstream.stream(oip.answer("a", "x"), oip.answer("b", "y"))
    with client.chat.completions.stream(**CHAT, n=2) as stream:
        final = stream.get_final_completion()
    assert [choice.message.content for choice in final.choices] == ["ab", "xy"]
    assert [choice.finish_reason for choice in final.choices] == ["stop", "stop"]


def test_an_answer_is_parsed_into_a_type(client: OpenAI, upstream: Upstream) -> None:
    upstream.answer(oip.answer(JSON))
    upstream.stream(oip.answer(JSON[:9]), oip.answer(JSON[9:]))
    whole = client.chat.completions.parse(**CHAT, response_format=Person)
    assert whole.choices[0].message.parsed == Person(name="Ada", age=36)
    schema = wire.parameters(upstream)["response_format"]["json_schema"]
    assert (schema["name"], schema["strict"]) == ("Person", True)
    with client.chat.completions.stream(**CHAT, response_format=Person) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.parsed == Person(name="Ada", age=36)


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_that_was_cut_short_is_not_parsed(
    client: OpenAI, upstream: Upstream, reason: str
) -> None:
    answer = oip.answer('{"name": ')
    answer["outputs"].append(oip.text("finish_reason", reason))
    upstream.answer(answer)
    error = {
        "length": openai.LengthFinishReasonError,
        "content_filter": openai.ContentFilterFinishReasonError,
    }[reason]
    with pytest.raises(error):
        client.chat.completions.parse(**CHAT, response_format=Person)


def test_a_whole_response_becomes_a_stream(client: OpenAI, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hello"))
    upstream.answer(oip.answer("Hello"))
    create = client.chat.completions.with_streaming_response.create
    with create(**CHAT, stream=True) as raw:
        wire.check_stream(raw.iter_lines())
    with client.chat.completions.stream(**CHAT) as stream:
        assert stream.get_final_completion().choices[0].message.content == "Hello"


def test_an_unrequested_stream_becomes_a_completion(client: OpenAI, upstream: Upstream) -> None:
    upstream.stream(oip.answer("Hel"), oip.answer("lo"))
    raw = client.chat.completions.with_raw_response.create(**CHAT)
    invariants.check_chat_completion(json.loads(raw.text))
    assert raw.parse().choices[0].message.content == "Hello"


def test_the_headers_that_openai_sends(client: OpenAI, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hello"))
    raw = client.chat.completions.with_raw_response.create(**CHAT)
    assert raw.headers["content-type"] == "application/json"
    assert raw.headers["openai-version"] == "2020-10-01"
    assert int(raw.headers["openai-processing-ms"]) >= 0
    assert raw.request_id == upstream.received[0].headers["x-request-id"]


@pytest.mark.parametrize(("given", "shape"), [([1, 2, 3, 4], [1, 4]), ([[1, 2], [3, 4]], [2, 2])])
def test_embeddings_of_tokens(
    client: OpenAI, upstream: Upstream, given: list[int] | list[list[int]], shape: list[int]
) -> None:
    count = shape[0]
    tensor = {"name": "embedding", "shape": [count, 2], "datatype": "FP32"}
    upstream.answer(oip.response({**tensor, "data": [0.5, -0.25] * count}))
    answer = client.embeddings.create(model="embed", input=given)
    assert [item.embedding for item in answer.data] == [[0.5, -0.25]] * count
    (sent,) = upstream.received[0].json["inputs"]
    assert sent == {"name": "input", "shape": shape, "datatype": "INT64", "data": [1, 2, 3, 4]}


def test_embeddings_a_provider_has_encoded(client: OpenAI, upstream: Upstream) -> None:
    encoded = base64.b64encode(struct.pack("<2f", 0.5, -0.25)).decode()
    item = {"object": "embedding", "index": 0, "embedding": encoded}
    said = {"object": "list", "data": [item], "model": "ada"}
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    upstream.answer(wire.output_all({**said, "usage": usage}))
    answer = client.embeddings.create(model="embed", input="a")
    assert answer.data[0].embedding == [0.5, -0.25]
    assert answer.usage.total_tokens == 1


def test_a_refusal_a_function_call_and_logprobs_in_tensors(
    client: OpenAI, upstream: Upstream
) -> None:
    token = {"token": "No", "logprob": -0.5, "bytes": [78, 111], "top_logprobs": []}
    function = {"name": "get_weather", "arguments": wire.CITY}
    said = {
        "refusal": "I will not.",
        "function_call": json.dumps(function),
        "logprobs": json.dumps({"content": [token], "refusal": None}),
    }
    for name, text in said.items():
        answer = oip.answer("" if name != "logprobs" else "No")
        answer["outputs"].append(oip.text(name, text))
        upstream.answer(answer)
    answers = []
    for _ in said:
        raw = client.chat.completions.with_raw_response.create(**CHAT)
        invariants.check_chat_completion(json.loads(raw.text))
        answers.append(raw.parse().choices[0])
    refused, called, probable = answers
    assert refused.message.refusal == "I will not."
    assert called.finish_reason == "function_call"
    assert called.message.function_call is not None
    assert called.message.function_call.to_dict() == function
    assert probable.logprobs is not None
    assert probable.logprobs.to_dict() == {"content": [token], "refusal": None}


def test_an_image_in_a_tensor(client: OpenAI, upstream: Upstream) -> None:
    encoded = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    upstream.answer(oip.response(oip.text("image", encoded)))
    raw = client.images.with_raw_response.generate(model="paint", prompt="A beach")
    invariants.check_images(json.loads(raw.text))
    assert [image.b64_json for image in raw.parse().data or []] == [encoded]
