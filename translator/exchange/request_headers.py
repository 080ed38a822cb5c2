"""The headers of requests to the model server."""

from collections.abc import Mapping

from translator.exchange.actions import Headers
from translator.tasks.model import UpstreamRequest


def of_request(
    request: UpstreamRequest, original: Mapping[str, str], request_id: str, tracing: Headers
) -> Headers:
    """The headers to set on the translated request.

    Args:
        request: the translated request.
        original: the headers of the client's request.
        request_id: the client's id, or a generated one.
        tracing: the trace headers for the model server.
    """
    headers = (
        (":path", request.path),
        ("content-type", "application/json"),
        ("content-length", str(len(request.body))),
        ("accept-encoding", "identity"),
        *request.headers,
        ("x-request-id", request_id),
        # For access logs.
        ("x-envoy-original-path", original.get(":path", "").partition("?")[0]),
        *tracing,
    )
    if original.get(":method") == request.method:
        return headers
    return ((":method", request.method), *headers)
