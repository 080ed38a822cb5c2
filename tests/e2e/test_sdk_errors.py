"""What OpenAI's Python SDK makes of errors: its class for each status, its fields, its retries."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests import oip
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Upstream

STATUSES: dict[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    408: openai.APIStatusError,
    409: openai.ConflictError,
    413: openai.APIStatusError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    499: openai.APIStatusError,
    500: openai.InternalServerError,
    502: openai.InternalServerError,
    503: openai.InternalServerError,
    504: openai.InternalServerError,
}
RETRIED = {408, 409, 429, 500, 502, 503, 504}
MESSAGES: Any = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="x", base_url=f"{gateway.url}/v1", max_retries=1) as client:
        yield client


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("status", STATUSES)
def test_an_upstream_status_has_its_class_and_all_its_fields(
    client: openai.OpenAI, upstream: Upstream, status: int, *, streamed: bool
) -> None:
    for _ in range(2):
        upstream.answer(
            {"error": "what went wrong"},
            status=f"{status} Error",
            retry_after_ms="1",
            retry_after="0",
        )
    with pytest.raises(STATUSES[status]) as caught:
        client.chat.completions.create(model="chat", messages=MESSAGES, stream=streamed)
    error = caught.value
    assert error.status_code == status
    assert error.type
    assert error.code
    assert error.param is None
    assert "what went wrong" in error.message or status == 404
    assert error.request_id == error.response.headers["x-request-id"] != ""
    assert error.response.headers["retry-after"] == "0"
    assert len(upstream.received) == (2 if status in RETRIED else 1)


def test_an_answer_that_makes_no_sense_is_not_asked_for_again(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    upstream.answer("nonsense")
    upstream.answer(oip.answer("too late"))
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="chat", messages=MESSAGES)
    assert caught.value.status_code == 502
    assert len(upstream.received) == 1


def test_an_unknown_model_is_not_found(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.answer("", status="404 Not Found", content_type=None)  # as Seldon's mesh says it
    with pytest.raises(openai.NotFoundError) as caught:
        client.embeddings.create(model="chat", input="Hello")
    assert caught.value.code == "model_not_found"
    assert "`chat`" in caught.value.message


def test_an_error_inside_a_stream_is_raised(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.stream(oip.answer("Hel"), {"error": "out of memory"})
    stream = client.chat.completions.create(model="chat", messages=MESSAGES, stream=True)
    said = next(iter(stream)).choices[0].delta.content
    with pytest.raises(openai.APIError, match="out of memory") as caught:
        list(stream)
    assert said == "Hel"
    assert caught.value.code
    assert caught.value.type == "server_error"
