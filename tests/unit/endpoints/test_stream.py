"""What every stream has in common: one answer or one error, and one end."""

import json
from collections.abc import Callable

import pytest

from tests.unit.events import data_of, event, stream
from translator.endpoints.stream import EventStream, only_event, read_events
from translator.errors import UpstreamError
from translator.oip.response import InferenceResponse
from translator.openai.errors import error_body

TOO_LARGE = b"data: " + b"x" * (64 * 1024 * 1024)


class Echo(EventStream):
    """Says the id of each response that has one, and goodbye."""

    has_begun = False

    def chunks_of(self, response: InferenceResponse) -> list[bytes]:
        self.has_begun = self.has_begun or bool(response.id)
        return [response.id.encode()] if response.id else []

    def closing_chunks(self) -> list[bytes]:
        return [b"bye"]


def run(*chunks: bytes) -> list[bytes]:
    translator = Echo()
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


@pytest.mark.parametrize("feed", [Echo.finish, lambda echo: echo.feed(b"data: [DONE]\n\n")])
def test_what_has_ended_says_nothing_more(feed: Callable[[Echo], bytes]) -> None:
    echo = Echo()
    echo.feed(event({"id": "a"}))
    assert data_of(feed(echo)) == [b"bye", b"[DONE]"]
    assert (echo.feed(event({"id": "b"})), echo.finish()) == (b"", b"")
    assert echo.fail(UpstreamError("x")) == b""


def test_a_failure_from_outside_is_the_end() -> None:
    echo = Echo()
    echo.feed(event({"id": "a"}))
    error = UpstreamError("broken off")
    assert data_of(echo.fail(error)) == [error_body(error), b"[DONE]"]
    assert (echo.feed(event({"id": "b"})), echo.finish()) == (b"", b"")


def test_a_whole_response_makes_a_whole_stream() -> None:
    echo = Echo()
    assert data_of(echo.whole(document("a"))) == [b"a", b"bye", b"[DONE]"]
    assert (echo.feed(event({"id": "b"})), echo.finish()) == (b"", b"")


def test_collected_chunks_are_the_data_of_the_stream_without_its_end() -> None:
    assert Echo().collect([document("a"), b"{}", document("b")]) == [b"a", b"b", b"bye"]


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        ([], "The model server ended its stream without an answer."),
        ([b"{}"], "The model server ended its stream without an answer."),
        ([document("a"), b'{"error":"CUDA out of memory"}'], "CUDA out of memory"),
        ([b'{"error":{"code":7}}'], "The model server failed while it was answering."),
        ([document("a"), b"{"], "The model server sent a response that could not be understood."),
    ],
)
def test_what_holds_no_answer_or_an_error_cannot_be_collected(
    responses: list[bytes], message: str
) -> None:
    with pytest.raises(UpstreamError) as caught:
        Echo().collect(responses)
    assert (caught.value.message, caught.value.status) == (message, 502)


@pytest.mark.parametrize("response", [b"{}", b"[]", b"", b'{"error":"x"}'])
def test_a_response_without_an_answer_makes_no_stream(response: bytes) -> None:
    with pytest.raises(UpstreamError):
        Echo().whole(response)


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
    assert [data.replace(b": ", b":") for data in read_events(body)] == [
        data.replace(b": ", b":") for data in expected
    ]


def test_the_only_response_in_a_stream_is_its_answer() -> None:
    assert only_event(b": ping\n\n" + event({"id": "a"}) + b"data: [DONE]\n\n") == document("a")


@pytest.mark.parametrize("body", [b"", stream({}, {})])
def test_a_stream_of_none_or_several_has_no_only_response(body: bytes) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        only_event(body)
