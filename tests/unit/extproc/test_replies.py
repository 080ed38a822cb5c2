"""Actions as messages to Envoy."""

import pytest

from tests.unit.envoy import set_headers
from translator.exchange.actions import UNCHANGED, Forward, Mode, Respond
from translator.exchange.states import Phase
from translator.extproc import replies
from translator.extproc._proto.external_processor_pb2 import (
    BodyResponse,
    CommonResponse,
    HeadersResponse,
    ProcessingMode,
    ProcessingResponse,
)

KINDS = {phase: phase.name.lower() for phase in Phase}
HEADER_PHASES = [Phase.REQUEST_HEADERS, Phase.RESPONSE_HEADERS]
BODY_PHASES = [Phase.REQUEST_BODY, Phase.RESPONSE_BODY]
COMMON_PHASES = [*HEADER_PHASES, *BODY_PHASES]


def reply(phase: Phase, action: Forward | Respond) -> ProcessingResponse:
    return ProcessingResponse.FromString(b"".join(replies.encode(phase, action)))


def common(phase: Phase, action: Forward) -> CommonResponse:
    message = reply(phase, action)
    assert message.WhichOneof("response") == KINDS[phase]
    inside: HeadersResponse | BodyResponse = getattr(message, KINDS[phase])
    return inside.response


@pytest.mark.parametrize("phase", COMMON_PHASES)
@pytest.mark.parametrize("action", [UNCHANGED, Forward()])
def test_leaving_a_message_as_it_is_mutates_nothing(phase: Phase, action: Forward) -> None:
    assert common(phase, action) == CommonResponse()
    assert not reply(phase, action).HasField("mode_override")


@pytest.mark.parametrize("phase", COMMON_PHASES)
def test_headers_are_removed_and_set(phase: Phase) -> None:
    action = Forward((("a", "1"), ("b", "é")), ("c", "d"), reroute=True)
    found = common(phase, action)
    assert set_headers(found.header_mutation) == {"a": "1", "b": "é"}
    assert list(found.header_mutation.remove_headers) == ["c", "d"]
    assert found.clear_route_cache


@pytest.mark.parametrize("phase", COMMON_PHASES)
def test_bytes_that_are_not_utf_8_are_sent_as_they_came(phase: Phase) -> None:
    value = b"\xff\x80".decode("utf-8", "surrogateescape")
    [option] = common(phase, Forward((("a", value),))).header_mutation.set_headers
    assert option.header.raw_value == b"\xff\x80"


@pytest.mark.parametrize("phase", BODY_PHASES)
@pytest.mark.parametrize("body", [b"{}", b""])
def test_a_body_is_replaced_by_another_even_an_empty_one(phase: Phase, body: bytes) -> None:
    found = common(phase, Forward(body=body))
    assert found.body_mutation.WhichOneof("mutation") == "body"
    assert found.body_mutation.body == body
    assert found.status == CommonResponse.CONTINUE


@pytest.mark.parametrize("phase", HEADER_PHASES)
def test_a_body_in_a_headers_reply_replaces_the_missing_one(phase: Phase) -> None:
    found = common(phase, Forward(body=b"{}"))
    assert found.body_mutation.body == b"{}"
    assert found.status == CommonResponse.CONTINUE_AND_REPLACE


@pytest.mark.parametrize("phase", HEADER_PHASES)
def test_streaming_sets_every_mode(phase: Phase) -> None:
    mode = reply(phase, Forward(mode=Mode.STREAM)).mode_override
    assert mode.response_header_mode == ProcessingMode.SEND
    assert mode.request_body_mode == ProcessingMode.BUFFERED
    assert mode.response_body_mode == ProcessingMode.STREAMED


@pytest.mark.parametrize("phase", HEADER_PHASES)
def test_bypassing_turns_everything_off(phase: Phase) -> None:
    message = reply(phase, Forward(mode=Mode.BYPASS))
    assert message.HasField("mode_override")
    mode = message.mode_override
    assert mode.response_header_mode == ProcessingMode.SKIP
    assert mode.request_body_mode == ProcessingMode.NONE
    assert mode.response_body_mode == ProcessingMode.NONE


@pytest.mark.parametrize("phase", Phase)
def test_an_immediate_response_has_status_headers_and_body(phase: Phase) -> None:
    message = reply(phase, Respond(413, (("content-type", "application/json"),), b"{}"))
    assert message.WhichOneof("response") == "immediate_response"
    answer = message.immediate_response
    assert (answer.status.code, answer.body) == (413, b"{}")
    assert set_headers(answer.headers) == {"content-type": "application/json"}
    assert answer.details == "oip_translator_refused"


@pytest.mark.parametrize(
    ("kind", "reply"),
    [
        ("request_trailers", replies.encode(Phase.REQUEST_TRAILERS, UNCHANGED)),
        ("response_trailers", replies.encode(Phase.RESPONSE_TRAILERS, UNCHANGED)),
    ],
)
def test_trailers_are_never_changed(kind: str, reply: replies.Reply) -> None:
    message = ProcessingResponse.FromString(b"".join(reply))
    assert message.WhichOneof("response") == kind
    assert not getattr(message, kind).HasField("header_mutation")


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("body", [b"x", b""])
def test_a_chunk_in_the_mode_duplex(body: bytes, *, ends: bool) -> None:
    found = common(Phase.RESPONSE_BODY, Forward(body=body, ends=ends)).body_mutation
    assert found.WhichOneof("mutation") == "streamed_response"
    assert (found.streamed_response.body, found.streamed_response.end_of_stream) == (body, ends)


def test_the_last_of_a_body_comes_before_the_reply_to_trailers() -> None:
    head, body, after = replies.encode(Phase.RESPONSE_TRAILERS, Forward(body=b"x", ends=False))
    first = ProcessingResponse.FromString(head + body).response_body.response.body_mutation
    assert first.streamed_response.body == b"x"
    assert ProcessingResponse.FromString(after).WhichOneof("response") == "response_trailers"
