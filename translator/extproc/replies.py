"""Actions as ProcessingResponse messages.

Facts of Envoy (1.34 to 1.40) that shape them: a header is set through ``raw_value``, for through
``value`` it arrives empty; ``clear_route_cache`` counts only beside a header mutation; a mode
override names every mode, because what it leaves out is NONE for bodies; in STREAMED mode an empty
``body`` swallows the chunk.
"""

from translator.exchange.actions import UNCHANGED, Action, Forward, Headers, Mode, Respond
from translator.exchange.states import Phase
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
    TrailersResponse,
)

_MODES = {
    Mode.STREAM: ProcessingMode(
        response_header_mode=ProcessingMode.SEND,
        request_body_mode=ProcessingMode.BUFFERED,
        response_body_mode=ProcessingMode.STREAMED,
    ),
    Mode.BYPASS: ProcessingMode(
        response_header_mode=ProcessingMode.SKIP,
        request_body_mode=ProcessingMode.NONE,
        response_body_mode=ProcessingMode.NONE,
    ),
}


def encode(phase: Phase, action: Action) -> bytes:
    """The reply to a message of ``phase`` that asks Envoy for ``action``."""
    if action is UNCHANGED:
        return _UNCHANGED[phase]
    if isinstance(action, Respond):
        return ProcessingResponse(
            immediate_response=ImmediateResponse(
                status=HttpStatus(code=action.status),
                headers=_header_mutation(action.headers),
                body=action.body,
                details="oip_translator_refused",
            )
        ).SerializeToString()
    return _forward(phase, action).SerializeToString()


def _forward(phase: Phase, action: Forward) -> ProcessingResponse:
    common = CommonResponse(clear_route_cache=action.reroute)
    if action.set_headers or action.remove_headers:
        common.header_mutation.CopyFrom(_header_mutation(action.set_headers, action.remove_headers))
    if action.body is not None:
        common.body_mutation.CopyFrom(BodyMutation(body=action.body))
    match phase:
        case Phase.REQUEST_BODY:
            return ProcessingResponse(request_body=BodyResponse(response=common))
        case Phase.RESPONSE_BODY:
            return ProcessingResponse(response_body=BodyResponse(response=common))
    if action.body is not None:
        common.status = CommonResponse.CONTINUE_AND_REPLACE
    mode = _MODES.get(action.mode)
    if phase is Phase.REQUEST_HEADERS:
        return ProcessingResponse(
            request_headers=HeadersResponse(response=common), mode_override=mode
        )
    return ProcessingResponse(response_headers=HeadersResponse(response=common), mode_override=mode)


def _header_mutation(headers: Headers, removed: tuple[str, ...] = ()) -> HeaderMutation:
    return HeaderMutation(
        set_headers=[
            HeaderValueOption(
                header=HeaderValue(key=name, raw_value=value.encode("utf-8", "surrogateescape"))
            )
            for name, value in headers
        ],
        remove_headers=removed,
    )


_UNCHANGED = {phase: _forward(phase, UNCHANGED).SerializeToString() for phase in Phase}

REQUEST_TRAILERS = ProcessingResponse(request_trailers=TrailersResponse()).SerializeToString()
RESPONSE_TRAILERS = ProcessingResponse(response_trailers=TrailersResponse()).SerializeToString()
"""Trailers are never changed."""
