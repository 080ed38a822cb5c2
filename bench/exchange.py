"""One exchange: the messages of the client, the model server and Envoy."""

from dataclasses import dataclass
from functools import cached_property

from translator.contracts.models import Target
from translator.extproc._proto.external_processor_pb2 import (
    HeaderMap,
    HeaderValue,
    HttpBody,
    HttpHeaders,
    ProcessingRequest,
)
from translator.operations.base import Inference
from translator.operations.registry import OPERATIONS


@dataclass(frozen=True)
class Exchange:
    """A request and its response.

    Attributes:
        operation: the path after ``/v1/``.
        model: the model's name in ``openai_request``.
        openai_request: the body of the client's request.
        oip_response: the body of the model server's response.
        proof: bytes that every correct response contains, in either API; b"" for none.
    """

    operation: str
    model: str
    openai_request: bytes
    oip_response: bytes
    proof: bytes = b""

    @property
    def openai_path(self) -> str:
        """The path of the client's request."""
        return f"/v1/{self.operation}"

    @property
    def oip_path(self) -> str:
        """The path of the request to the model server."""
        return f"/v2/models/{self.model}/infer"

    @cached_property
    def translated(self) -> Inference:
        """The filter's translation."""
        return translate(self.operation, self.openai_request)

    def messages(self) -> list[bytes]:
        """Envoy's four messages of the exchange, in order, each a serialised ProcessingRequest."""
        request = _headers(
            **{
                ":authority": "127.0.0.1:9000",
                ":path": self.openai_path,
                ":method": "POST",
                ":scheme": "http",
                "content-type": "application/json",
                "content-length": str(len(self.openai_request)),
                "x-forwarded-for": "127.0.0.1",
                "x-forwarded-proto": "http",
                "x-envoy-internal": "true",
                "x-request-id": "3c0d3f0e-5a62-4a1c-8a58-3f6f0a1f2b7d",
            }
        )
        response = _headers(
            **{
                ":status": "200",
                "content-length": str(len(self.oip_response)),
                "content-type": "application/json",
                "date": "Thu, 01 Jan 2026 00:00:00 GMT",
                "server": "envoy",
                "x-envoy-upstream-service-time": "0",
            }
        )
        asked = HttpBody(body=self.openai_request, end_of_stream=True)
        answered = HttpBody(body=self.oip_response, end_of_stream=True)
        return [
            ProcessingRequest(request_headers=request).SerializeToString(),
            ProcessingRequest(request_body=asked).SerializeToString(),
            ProcessingRequest(response_headers=response).SerializeToString(),
            ProcessingRequest(response_body=answered).SerializeToString(),
        ]


def translate(operation: str, body: bytes) -> Inference:
    """The filter's translation of a request body."""
    accepted = OPERATIONS[operation].accept(body, Target())
    assert isinstance(accepted, Inference)  # noqa: S101 -- no local response
    return accepted


def _headers(**headers: str) -> HttpHeaders:
    return HttpHeaders(
        headers=HeaderMap(
            headers=[
                HeaderValue(key=name, raw_value=value.encode()) for name, value in headers.items()
            ]
        )
    )
