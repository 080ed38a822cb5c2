"""The bounds of one exchange: each holds for what it is about, and for nothing else."""

import json
from typing import Any

import pytest

from tests import oip
from tests.unit.envoy import EVENTS, POST_CHAT
from tests.unit.events import documents_of, event
from translator.exchange.actions import Respond
from translator.exchange.exchange import Exchange
from translator.exchange.settings import ExchangeSettings, Limits
from translator.settings.definition import Settings
from translator.settings.values import Size

ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
EVENT = event(oip.answer("Hello"))
DATA = len(EVENT.rstrip())  # what counts of it: its line


def streamed(limits: Limits, *chunks: bytes) -> list[Any]:
    """The documents that a streamed answer in these chunks becomes."""
    exchange = Exchange(ExchangeSettings(limits))
    exchange.on_request_headers(POST_CHAT, end_of_stream=False)
    exchange.on_request_body(json.dumps(ASK).encode())
    exchange.on_response_headers(EVENTS, end_of_stream=False)
    bodies = [exchange.on_response_body(chunk, end_of_stream=False).body for chunk in chunks]
    bodies.append(exchange.on_response_body(b"", end_of_stream=True).body)
    return documents_of(b"".join(body or b"" for body in bodies))


@pytest.mark.parametrize("size", [1, len(EVENT), len(EVENT) * 5])
def test_each_event_of_a_stream_may_be_as_large_as_its_limit(size: int) -> None:
    stream = EVENT * 5
    chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
    documents = streamed(Limits(event=DATA), *chunks)
    contents = [document["choices"][0]["delta"].get("content") for document in documents]
    assert contents == [*["Hello"] * 5, None]


@pytest.mark.parametrize("size", [1, len(EVENT), len(EVENT) * 2])
def test_an_event_beyond_its_limit_ends_the_stream(size: int) -> None:
    small = event(oip.answer("Hi"))
    stream = small + EVENT
    chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
    first, last = streamed(Limits(event=DATA - 1), *chunks)
    assert first["choices"][0]["delta"]["content"] == "Hi"
    assert last["error"]["message"] == "The model server sent too large an event."


def test_the_limit_of_whole_answers_is_not_that_of_streams() -> None:
    assert len(streamed(Limits(response_body=1), EVENT, EVENT)) == 3


def test_settings_are_limits() -> None:
    settings = Settings(max_request_body=Size(1), max_response_body=Size(2), max_event=Size(3))
    assert settings.exchange.limits == Limits(request_body=1, response_body=2, event=3)


def test_a_client_is_told_the_limit_in_bytes() -> None:
    exchange = Exchange(Settings(max_request_body=Size.parse("1K")).exchange)
    head = {**POST_CHAT, "content-length": "1025"}
    action = exchange.on_request_headers(head, end_of_stream=False)
    assert isinstance(action, Respond)
    assert b"at most 1024 bytes are accepted" in action.body
