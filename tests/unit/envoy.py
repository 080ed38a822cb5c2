"""Envoy's side of ext_proc: its messages, built in a line and read in a line."""

from translator.extproc._proto.external_processor_pb2 import (
    HeaderMap,
    HeaderMutation,
    HeaderValue,
    HttpBody,
    HttpHeaders,
    HttpTrailers,
    ProcessingRequest,
)
from translator.extproc.replies import Reply
from translator.extproc.session import Session

POST_CHAT = {
    ":method": "POST",
    ":path": "/v1/chat/completions",
    "content-type": "application/json",
}
EVENTS_OVER_HTTP2 = {":status": "200", "content-type": "text/event-stream; charset=utf-8"}
EVENTS = {**EVENTS_OVER_HTTP2, "transfer-encoding": "chunked"}
JSON = {":status": "200", "content-type": "application/json"}


def request_headers(
    headers: dict[str, str] | None = None, *, end_of_stream: bool = False
) -> ProcessingRequest:
    """The head of a request; by default one of a chat completion."""
    return ProcessingRequest(request_headers=_headers(headers or POST_CHAT, end_of_stream))


def request_body(body: bytes) -> ProcessingRequest:
    """The whole body of a request."""
    return ProcessingRequest(request_body=HttpBody(body=body, end_of_stream=True))


def response_headers(
    headers: dict[str, str] | None = None, *, end_of_stream: bool = False
) -> ProcessingRequest:
    """The head of a response; by default one of JSON."""
    return ProcessingRequest(response_headers=_headers(headers or JSON, end_of_stream))


def response_body(body: bytes, *, end_of_stream: bool = True) -> ProcessingRequest:
    """A whole response, or one chunk of a streamed one."""
    return ProcessingRequest(response_body=HttpBody(body=body, end_of_stream=end_of_stream))


def request_trailers() -> ProcessingRequest:
    """Trailers of a request."""
    return ProcessingRequest(request_trailers=HttpTrailers())


def response_trailers() -> ProcessingRequest:
    """Trailers of a response."""
    return ProcessingRequest(response_trailers=HttpTrailers())


def reply(session: Session, request: ProcessingRequest) -> Reply:
    """The reply of a session to a message, after all its steps."""
    made = session.respond(request.SerializeToString())
    while made is None:
        made = session.resume()
    return made


def set_headers(mutation: HeaderMutation) -> dict[str, str]:
    """The headers that a mutation sets; none may use ``value``, which Envoy would drop."""
    options = [option.header for option in mutation.set_headers]
    assert not any(header.value for header in options)
    names = [header.key for header in options]
    assert len(names) == len(set(names))
    return {header.key: header.raw_value.decode("utf-8", "surrogateescape") for header in options}


def _headers(headers: dict[str, str], end_of_stream: bool) -> HttpHeaders:  # noqa: FBT001 -- private
    values = [
        HeaderValue(key=name, raw_value=value.encode("utf-8", "surrogateescape"))
        for name, value in headers.items()
    ]
    return HttpHeaders(headers=HeaderMap(headers=values), end_of_stream=end_of_stream)
