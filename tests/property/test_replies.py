"""Every encoded reply equals that of the generated classes."""

from hypothesis import given
from hypothesis import strategies as st

from translator.exchange.actions import Action, Forward, Mode, Respond
from translator.exchange.states import Phase
from translator.extproc import replies
from translator.extproc._proto.external_processor_pb2 import (
    BodyMutation,
    BodyResponse,
    CommonResponse,
    HeaderMutation,
    HeadersResponse,
    HeaderValue,
    HeaderValueOption,
    HttpStatus,
    ImmediateResponse,
    ProcessingMode,
    ProcessingResponse,
    StreamedBodyResponse,
)

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=4).map(tuple)
BODIES = st.one_of(st.binary(max_size=300), st.integers(0, 70_000).map(bytes))
MODES = {
    Mode.STREAM: ProcessingMode(
        response_header_mode=ProcessingMode.SEND,
        request_body_mode=ProcessingMode.BUFFERED,
        response_body_mode=ProcessingMode.STREAMED,
    ),
    Mode.DUPLEX: ProcessingMode(
        response_header_mode=ProcessingMode.SEND,
        request_body_mode=ProcessingMode.BUFFERED,
        response_body_mode=ProcessingMode.FULL_DUPLEX_STREAMED,
        response_trailer_mode=ProcessingMode.SEND,
    ),
    Mode.BYPASS: ProcessingMode(
        response_header_mode=ProcessingMode.SKIP,
        request_trailer_mode=ProcessingMode.SKIP,
        response_trailer_mode=ProcessingMode.SKIP,
    ),
}
HEADER_PHASES = (Phase.REQUEST_HEADERS, Phase.RESPONSE_HEADERS)
PHASES = (*HEADER_PHASES, Phase.REQUEST_BODY, Phase.RESPONSE_BODY)


@st.composite
def actions(draw: st.DrawFn) -> tuple[Phase, Action]:
    phase = draw(st.sampled_from(PHASES))
    if draw(st.booleans()):
        return phase, Respond(draw(st.integers(100, 599)), draw(HEADERS), draw(BODIES))
    forward = Forward(
        set_headers=draw(HEADERS),
        remove_headers=draw(st.lists(NAMES, max_size=3).map(tuple)),
        body=draw(st.one_of(st.none(), BODIES)),
        # A chunk of a response says whether it is the last in one mode only.
        ends=draw(st.sampled_from([None, False, True])) if phase is Phase.RESPONSE_BODY else None,
        reroute=draw(st.booleans()),
        # Envoy takes a mode only beside headers.
        mode=draw(st.sampled_from(Mode)) if phase in HEADER_PHASES else Mode.KEEP,
    )
    return phase, forward


@given(actions())
def test_a_reply_is_what_the_generated_classes_say(case: tuple[Phase, Action]) -> None:
    phase, action = case
    reply = ProcessingResponse.FromString(b"".join(replies.encode(phase, action)))
    assert reply == (respond(action) if isinstance(action, Respond) else forward(phase, action))


def respond(action: Respond) -> ProcessingResponse:
    return ProcessingResponse(
        immediate_response=ImmediateResponse(
            status=HttpStatus(code=action.status),
            headers=mutation(action.headers, ()),
            body=action.body,
            details="oip_translator_refused",
        )
    )


def forward(phase: Phase, action: Forward) -> ProcessingResponse:
    replaces = action.body is not None and phase in HEADER_PHASES
    mutates = action.set_headers or action.remove_headers
    common = CommonResponse(
        status=CommonResponse.CONTINUE_AND_REPLACE if replaces else CommonResponse.CONTINUE,
        header_mutation=mutation(action.set_headers, action.remove_headers) if mutates else None,
        body_mutation=None if action.body is None else body_mutation(action.body, ends=action.ends),
        clear_route_cache=action.reroute,
    )
    match phase:
        case Phase.REQUEST_HEADERS:
            reply = ProcessingResponse(request_headers=HeadersResponse(response=common))
        case Phase.RESPONSE_HEADERS:
            reply = ProcessingResponse(response_headers=HeadersResponse(response=common))
        case Phase.REQUEST_BODY:
            reply = ProcessingResponse(request_body=BodyResponse(response=common))
        case Phase.RESPONSE_BODY:
            reply = ProcessingResponse(response_body=BodyResponse(response=common))
    if action.mode in MODES:
        reply.mode_override.CopyFrom(MODES[action.mode])
    return reply


def body_mutation(body: bytes, *, ends: bool | None) -> BodyMutation:
    if ends is None:
        return BodyMutation(body=body)
    chunk = StreamedBodyResponse(body=body, end_of_stream=ends)
    return BodyMutation(streamed_response=chunk)


def mutation(headers: tuple[tuple[str, str], ...], removed: tuple[str, ...]) -> HeaderMutation:
    return HeaderMutation(
        set_headers=[
            HeaderValueOption(
                header=HeaderValue(key=name, raw_value=value.encode("utf-8", "surrogateescape"))
            )
            for name, value in headers
        ],
        remove_headers=removed,
    )
