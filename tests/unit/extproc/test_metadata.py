"""The metadata in replies to Envoy."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from tests import oip
from tests.unit import envoy
from tests.unit.events import event
from translator.exchange.record import Record
from translator.extproc import metadata
from translator.extproc._proto.external_processor_pb2 import ProcessingRequest, ProcessingResponse
from translator.extproc.session import Session

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
COUNTS = {"prompt_tokens": 7, "completion_tokens": 5}
COUNTED = {"input_tokens": 7, "output_tokens": 5}


def told(reply: bytes) -> dict[str, Any] | None:
    """The metadata in a reply, or None when there is none."""
    response = ProcessingResponse.FromString(reply)
    if not response.HasField("dynamic_metadata"):
        return None
    [(space, fields)] = MessageToDict(response.dynamic_metadata).items()
    assert space == metadata.NAMESPACE
    return dict(fields)


class Stream:
    """A session, and what it tells with each reply."""

    def __init__(self) -> None:
        self._session = Session()

    def show(self, *requests: ProcessingRequest) -> dict[str, Any] | None:
        """The metadata in the reply to the last of some messages."""
        replies = [self._session.handle(request.SerializeToString()) for request in requests]
        return told(replies[-1])


@pytest.fixture
def stream() -> Stream:
    return Stream()


def ask(**more: Any) -> ProcessingRequest:
    return envoy.request_body(json.dumps({**CHAT, **more}).encode())


def test_the_request_sets_operation_and_model(stream: Stream) -> None:
    assert stream.show(envoy.request_headers()) == {"operation": "chat/completions"}
    assert stream.show(ask()) == {"model": "m", "stream": False}


def test_the_response_sets_model_and_token_counts(stream: Stream) -> None:
    assert stream.show(envoy.request_headers(), ask(), envoy.response_headers()) is None
    answer = json.dumps({**oip.answer("Hi"), "parameters": COUNTS}).encode()
    assert stream.show(envoy.response_body(answer)) == {"response_model": "chat_1", **COUNTED}


def test_a_stream_sets_token_counts_as_soon_as_they_are_known(stream: Stream) -> None:
    stream.show(envoy.request_headers(), ask(stream=True), envoy.response_headers(envoy.EVENTS))
    first = event(oip.answer("Hi"))
    named = {"response_model": "chat_1"}
    assert stream.show(envoy.response_body(first, end_of_stream=False)) == named
    assert stream.show(envoy.response_body(first, end_of_stream=False)) is None
    counted = event({**oip.answer("!"), "parameters": COUNTS})
    assert stream.show(envoy.response_body(counted, end_of_stream=False)) == COUNTED
    assert stream.show(envoy.response_body(b"", end_of_stream=True)) is None


def test_a_refused_request_sets_the_error(stream: Stream) -> None:
    stream.show(envoy.request_headers())
    assert stream.show(ask(messages=[])) == {"error": "empty_array"}


def test_other_paths_set_no_metadata(stream: Stream) -> None:
    plain = {**envoy.POST_CHAT, ":path": "/v2/models/m/infer"}
    assert stream.show(envoy.request_headers(plain)) is None


def test_invalid_utf_8_in_a_name_is_replaced() -> None:
    reply = metadata.encode(metadata.of(Record(operation="embeddings", model="m\ud800")))
    assert told(reply) == {"operation": "embeddings", "model": "m?", "stream": False}
