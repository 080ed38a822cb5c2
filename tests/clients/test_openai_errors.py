"""OpenAI's own Python client with errors: the class for each, and retries."""

import json
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests import invariants, oip
from tests.clients import wire
from tests.e2e.upstream import Upstream

CHAT = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def client(url: str) -> OpenAI:
    return OpenAI(base_url=url, api_key="none", max_retries=0)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("status", "raised", "kind", "code"),
    [
        ("400 Bad Request", openai.BadRequestError, "invalid_request_error", "bad_request"),
        ("404 Not Found", openai.NotFoundError, "invalid_request_error", "model_not_found"),
        (
            "422 Unprocessable",
            openai.UnprocessableEntityError,
            "invalid_request_error",
            "unprocessable_entity",
        ),
        ("500 Internal Server Error", openai.InternalServerError, "server_error", "internal_error"),
        (
            "503 Service Unavailable",
            openai.InternalServerError,
            "server_error",
            "service_unavailable",
        ),
    ],
)
def test_a_status_of_the_model_server(
    client: OpenAI,
    upstream: Upstream,
    status: str,
    raised: type[openai.APIStatusError],
    kind: str,
    code: str,
    *,
    streamed: bool,
) -> None:
    upstream.answer({"error": "out of memory"}, status=status)
    with pytest.raises(raised) as caught:
        client.chat.completions.create(**CHAT, stream=streamed)
    error = caught.value
    invariants.check_error(error.response.json())
    assert (error.type, error.code, error.param) == (kind, code, None)
    assert error.status_code == int(status[:3])
    assert error.request_id == upstream.received[0].headers["x-request-id"]
    assert len(upstream.received) == 1


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0]"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
def test_a_bad_request_never_reaches_a_model(
    client: OpenAI, upstream: Upstream, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**{**CHAT, **fields})
    assert caught.value.type == "invalid_request_error"
    assert (caught.value.param or "").startswith(param)
    assert upstream.received == []


def test_a_bad_request_is_not_retried(url: str, upstream: Upstream) -> None:
    client = OpenAI(base_url=url, api_key="none", max_retries=2)
    upstream.answer({"error": "no"}, status="400 Bad Request")
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(**CHAT)
    assert len(upstream.received) == 1


def test_errors_that_a_retry_cannot_fix_are_not_retried(url: str, upstream: Upstream) -> None:
    client = OpenAI(base_url=url, api_key="none", max_retries=2)
    upstream.answer("{}")
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(**CHAT)
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(upstream.received) == 1


def test_an_overloaded_server_is_retried(url: str, upstream: Upstream) -> None:
    client = OpenAI(base_url=url, api_key="none", max_retries=2)
    for _ in range(2):
        upstream.answer({"error": "busy"}, status="503 Service Unavailable", retry_after="0.01")
    upstream.answer(oip.answer("Hi"))
    raw = client.chat.completions.with_raw_response.create(**CHAT)
    assert raw.retries_taken == 2
    assert raw.parse().choices[0].message.content == "Hi"
    counts = [received.headers["x-stainless-retry-count"] for received in upstream.received]
    assert counts == ["0", "1", "2"]


@pytest.mark.parametrize("reader", ["iterate", "helper"])
def test_an_error_in_the_middle_of_a_stream(
    client: OpenAI, upstream: Upstream, reader: str
) -> None:
    upstream.stream(oip.answer("Hel"), {"error": "out of memory"})
    seen = []
    with pytest.raises(openai.APIError) as caught:  # noqa: PT012 -- it comes while reading
        if reader == "iterate":
            for chunk in client.chat.completions.create(**CHAT, stream=True):
                seen.append(chunk.choices[0].delta.content)  # noqa: PERF401 -- kept if one raises
        else:
            with client.chat.completions.stream(**CHAT) as stream:
                seen += [event.delta for event in stream if event.type == "content.delta"]
    assert caught.value.message == "out of memory"
    assert caught.value.type == "server_error"
    assert reader == "helper" or seen == ["Hel"]


def test_the_events_of_a_stream_that_fails(client: OpenAI, upstream: Upstream) -> None:
    upstream.stream(oip.answer("Hel"), {"error": "out of memory"})
    create = client.chat.completions.with_streaming_response.create
    with create(**CHAT, stream=True) as raw:
        chunks = wire.check_stream(raw.iter_lines())
    assert chunks[-1]["error"]["message"] == "out of memory"


def test_a_stream_without_an_answer(client: OpenAI, upstream: Upstream) -> None:
    upstream.stream()
    with pytest.raises(openai.APIError, match="without a response"):
        list(client.chat.completions.create(**CHAT, stream=True))


@pytest.mark.parametrize("operation", ["models", "files"])
def test_an_operation_that_is_not_served(client: OpenAI, operation: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        getattr(client, operation).list()
    invariants.check_error(json.loads(caught.value.response.content))
