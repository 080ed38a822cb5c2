"""The translation of streams, for all operations."""

import json
from collections.abc import Callable

import pytest

from tests.unit.events import data_of, event, stream
from translator.errors import UpstreamError
from translator.oip import response
from translator.openai.errors import error_body
from translator.operations.base import OPENAI, only
from translator.operations.events import EventStream, collect, split
from translator.tasks.repair import Repair
from translator.tasks.usage import UNKNOWN


def identity_of(data: bytes) -> str:
    return response.decode(data).id or ""


DONE = b"[DONE]"


class Echo:
    """A writer that says the id of each response that has one, and goodbye."""

    tokens = UNKNOWN
    model = ""
    repairs = frozenset[Repair]()

    def __init__(self) -> None:
        self.has_begun = False

    def write(self, output: str) -> list[bytes]:
        self.has_begun = self.has_begun or bool(output)
        return [output.encode()] if output else []

    def close(self) -> list[bytes]:
        return [b"bye"]

    def rescue(self) -> list[bytes]:
        return []


def echo() -> EventStream[str]:
    return EventStream(identity_of, Echo(), OPENAI, limit=1000, end=DONE)


def collected(*responses: bytes) -> list[bytes]:
    return collect(Echo(), map(identity_of, responses))


def run(*chunks: bytes) -> list[bytes]:
    translator = echo()
    return data_of(b"".join(map(translator.feed, chunks)) + translator.finish())


def document(identity: str) -> bytes:
    return json.dumps({"id": identity}).encode()


def test_a_stream_is_what_its_events_say_and_what_ends_it() -> None:
    assert run(stream({"id": "a"}, {}, {"id": "b"})) == [b"a", b"b", b"bye", b"[DONE]"]


def test_a_done_of_the_servers_own_is_the_end() -> None:
    assert run(event({"id": "a"}) + b"data: [DONE]\n\n" + event({"id": "b"})) == [
        b"a",
        b"bye",
        b"[DONE]",
    ]


@pytest.mark.parametrize(
    "end", [EventStream.finish, lambda translator: translator.feed(b"data: [DONE]\n\n")]
)
def test_a_stream_that_has_ended_returns_nothing(end: Callable[[EventStream[str]], bytes]) -> None:
    translator = echo()
    translator.feed(event({"id": "a"}))
    assert data_of(end(translator)) == [b"bye", b"[DONE]"]
    assert (translator.feed(event({"id": "b"})), translator.finish()) == (b"", b"")
    assert translator.fail(UpstreamError("x")) == b""


def test_a_failure_from_outside_is_the_end() -> None:
    translator = echo()
    translator.feed(event({"id": "a"}))
    error = UpstreamError("broken off")
    assert data_of(translator.fail(error)) == [error_body(error), b"[DONE]"]
    assert (translator.feed(event({"id": "b"})), translator.finish()) == (b"", b"")


def test_collected_events_are_the_data_of_the_stream_without_its_end() -> None:
    assert collected(document("a"), b"{}", document("b")) == [b"a", b"b", b"bye"]


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        ([], "The model server ended its stream without a response."),
        ([b"{}"], "The model server ended its stream without a response."),
        ([document("a"), b'{"error":"CUDA out of memory"}'], "CUDA out of memory"),
        ([b'{"error":{"code":7}}'], "The model server failed while it was responding."),
        ([document("a"), b"{"], "The model server sent a response that could not be understood."),
        ([b"[]"], "The model server sent a response that could not be understood."),
        ([b""], "The model server sent a response that could not be understood."),
        ([b'{"error":"x"}'], "x"),
    ],
)
def test_events_without_output_or_with_an_error_cannot_be_collected(
    responses: list[bytes], message: str
) -> None:
    with pytest.raises(UpstreamError) as caught:
        collected(*responses)
    assert (caught.value.message, caught.value.status) == (message, 502)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'data: {"id":"a"}\n\ndata: {"id":"b"}\n\n', [document("a"), document("b")]),
        (b'\xef\xbb\xbf: ping\r\n\r\ndata: {"id":"a"}\r\n\r\n', [document("a")]),
        (b'event: x\rdata: {"id":"a"}\r\rdata:\r\rdata:  \r\r', [document("a")]),
        (b"data: [DONE]\n\ndata: {}\n\n", []),
        (b"data: {}\n\ndata: [DONE] \n\ndata: {}\n\n", [b"{}"]),
        (b'data: {"id":\ndata: "a"}', [b'{"id":\n"a"}']),
        (b"", []),
        (b": nothing\n\n", []),
    ],
)
def test_the_responses_in_a_whole_stream_are_read(body: bytes, expected: list[bytes]) -> None:
    assert [data.replace(b": ", b":") for data in split(body, DONE)] == [
        data.replace(b": ", b":") for data in expected
    ]


def test_the_only_response_in_a_stream_is_its_answer() -> None:
    body = b": ping\n\n" + event({"id": "a"}) + b"data: [DONE]\n\n"
    assert only(split(body, DONE)) == document("a")


@pytest.mark.parametrize("body", [b"", stream({}, {})])
def test_a_stream_of_none_or_several_has_no_only_response(body: bytes) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        only(split(body, DONE))


def test_only_the_contract_says_which_event_ends_a_stream() -> None:
    events = event({"id": "a"}) + b"data: end\n\n" + event({"id": "b"})
    assert split(events, b"end") == [document("a")]
    assert split(events) == [document("a"), b"end", document("b")]
    stream = EventStream(identity_of, Echo(), OPENAI, limit=1000, end=b"end")
    assert data_of(stream.feed(events)) == [b"a", b"bye", DONE]
