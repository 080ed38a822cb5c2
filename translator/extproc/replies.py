"""Actions as ProcessingResponse messages.

Envoy (1.34 to 1.40) requires this: a header is set by ``raw_value``, because with ``value`` it is
empty; ``clear_route_cache`` has an effect only with a header mutation; a mode override has every
mode, because an omitted body mode is NONE; in STREAMED mode an empty ``body`` drops the chunk.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import starmap
from typing import NamedTuple

from translator.exchange.actions import UNCHANGED, Action, Forward, Headers, Mode, Respond
from translator.exchange.states import Phase
from translator.extproc._proto.external_processor_pb2 import (
    BodyMutation,
    CommonResponse,
    HeaderMutation,
    HttpStatus,
    ImmediateResponse,
    ProcessingMode,
    ProcessingResponse,
    StreamedBodyResponse,
    TrailersResponse,
)
from translator.extproc.wire import header_value_option, nest, opening

_PHASE_FIELDS = {
    Phase.REQUEST_HEADERS: ProcessingResponse.REQUEST_HEADERS_FIELD_NUMBER,
    Phase.RESPONSE_HEADERS: ProcessingResponse.RESPONSE_HEADERS_FIELD_NUMBER,
    Phase.REQUEST_BODY: ProcessingResponse.REQUEST_BODY_FIELD_NUMBER,
    Phase.RESPONSE_BODY: ProcessingResponse.RESPONSE_BODY_FIELD_NUMBER,
    # Trailers are not changed: the reply to them is preceded by the last of the body.
    Phase.RESPONSE_TRAILERS: ProcessingResponse.RESPONSE_BODY_FIELD_NUMBER,
}
_REPLACES_BODY = frozenset({Phase.REQUEST_HEADERS, Phase.RESPONSE_HEADERS})
_REPLACE = CommonResponse(status=CommonResponse.CONTINUE_AND_REPLACE).SerializeToString()
_ENDS = StreamedBodyResponse(end_of_stream=True).SerializeToString()
_REROUTE = CommonResponse(clear_route_cache=True).SerializeToString()
_MODES = {
    Mode.KEEP: b"",
    Mode.STREAM: ProcessingResponse(
        mode_override=ProcessingMode(
            response_header_mode=ProcessingMode.SEND,
            request_body_mode=ProcessingMode.BUFFERED,
            response_body_mode=ProcessingMode.STREAMED,
        )
    ).SerializeToString(),
    Mode.DUPLEX: ProcessingResponse(
        mode_override=ProcessingMode(
            response_header_mode=ProcessingMode.SEND,
            request_body_mode=ProcessingMode.BUFFERED,
            response_body_mode=ProcessingMode.FULL_DUPLEX_STREAMED,
            response_trailer_mode=ProcessingMode.SEND,
        )
    ).SerializeToString(),
    Mode.BYPASS: ProcessingResponse(
        mode_override=ProcessingMode(
            response_header_mode=ProcessingMode.SKIP,
            request_body_mode=ProcessingMode.NONE,
            response_body_mode=ProcessingMode.NONE,
            request_trailer_mode=ProcessingMode.SKIP,
            response_trailer_mode=ProcessingMode.SKIP,
        )
    ).SerializeToString(),
}


class Reply(NamedTuple):
    """A serialised ProcessingResponse in two parts, so that a large body is not copied.

    Attributes:
        head: the first part.
        body: the second.
        after: one more ProcessingResponse, to send after it.
    """

    head: bytes
    body: bytes = b""
    after: bytes = b""


def encode(phase: Phase, action: Action, metadata: bytes = b"") -> Reply:
    """The reply to a message of ``phase`` with ``action``.

    Args:
        phase: the phase of the message.
        action: the changes to the message.
        metadata: further fields of the reply, from :func:`~translator.extproc.metadata.encode`.
    """
    if action is UNCHANGED:
        return Reply(_UNCHANGED[phase] + metadata)
    if isinstance(action, Respond):
        return Reply(_respond(action) + metadata)
    if action.body is None and not action.set_headers:
        return Reply(_constant(phase, action) + metadata)
    body = action.body or b""
    after = _UNCHANGED[phase] if phase is Phase.RESPONSE_TRAILERS else b""
    return Reply(_forward(phase, action, metadata), body, after)


@lru_cache(maxsize=32)  # there are few replies without values of their exchange
def _constant(phase: Phase, action: Forward) -> bytes:
    return _forward(phase, action)


def _forward(phase: Phase, action: Forward, metadata: bytes = b"") -> bytes:
    """The reply up to its body, which comes last."""
    common = _REPLACE if action.body is not None and phase in _REPLACES_BODY else b""
    if action.set_headers or action.remove_headers:
        headers = b"".join((*_set_headers(action.set_headers), _removed(action.remove_headers)))
        common += nest(CommonResponse.HEADER_MUTATION_FIELD_NUMBER, headers)
    if action.reroute:
        common += _REROUTE
    size = 0
    if action.body is not None:
        size = len(action.body)
        mutation = _body_mutation(size, action.ends)
        common += opening(CommonResponse.BODY_MUTATION_FIELD_NUMBER, len(mutation) + size)
        common += mutation
    size += len(common)
    # HeadersResponse and BodyResponse both have the common response as field 1.
    inner = opening(1, size)
    outer = opening(_PHASE_FIELDS[phase], len(inner) + size)
    return b"".join((metadata, _MODES[action.mode], outer, inner, common))


def _body_mutation(size: int, ends: bool | None) -> bytes:  # noqa: FBT001 -- private
    """A BodyMutation up to its body, which comes last."""
    if ends is None:
        return opening(BodyMutation.BODY_FIELD_NUMBER, size)
    chunk = (_ENDS if ends else b"") + opening(StreamedBodyResponse.BODY_FIELD_NUMBER, size)
    return opening(BodyMutation.STREAMED_RESPONSE_FIELD_NUMBER, len(chunk) + size) + chunk


def _respond(action: Respond) -> bytes:
    return ProcessingResponse(
        immediate_response=ImmediateResponse(
            status=HttpStatus(code=action.status),
            headers=HeaderMutation.FromString(b"".join(_set_headers(action.headers))),
            body=action.body,
            details="oip_translator_refused",
        )
    ).SerializeToString()


def _set_headers(headers: Headers) -> Iterator[bytes]:
    return starmap(header_value_option, headers)


@lru_cache(maxsize=256)  # there are few such lists
def _removed(names: tuple[str, ...]) -> bytes:
    return HeaderMutation(remove_headers=names).SerializeToString()


_UNCHANGED = {
    **{phase: _forward(phase, UNCHANGED) for phase in _PHASE_FIELDS},
    Phase.REQUEST_TRAILERS: ProcessingResponse(
        request_trailers=TrailersResponse()
    ).SerializeToString(),
    Phase.RESPONSE_TRAILERS: ProcessingResponse(
        response_trailers=TrailersResponse()
    ).SerializeToString(),
}
