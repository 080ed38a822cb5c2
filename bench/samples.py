"""One small chat exchange, as the client, the model server and Envoy write it."""

import json

from translator.endpoints import REGISTRY
from translator.endpoints.model_settings import DEFAULTS
from translator.extproc._proto.external_processor_pb2 import (
    HeaderMap,
    HeaderValue,
    HttpBody,
    HttpHeaders,
    ProcessingRequest,
)

OPENAI_PATH = "/v1/chat/completions"
OIP_PATH = "/v2/models/chat/infer"
CONTENT = "The capital of Romania is Bucharest."

OPENAI_REQUEST = json.dumps(
    {
        "model": "chat",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "What is the capital of Romania?"},
        ],
        "temperature": 0.7,
        "max_tokens": 64,
    }
).encode()
"""What the client posts, just under 200 bytes."""


def _tensor(name: str, text: str) -> dict[str, object]:
    return {
        "name": name,
        "shape": [1, 1],
        "datatype": "BYTES",
        "parameters": {"content_type": "str"},
        "data": [text],
    }


OIP_RESPONSE = json.dumps(
    {
        "model_name": "chat",
        "id": "0b3d9a52-6a0c-4c5e-9d36-7f1f0b6c2a11",
        "parameters": {},
        "outputs": [
            _tensor("role", "assistant"),
            _tensor("content", CONTENT),
            _tensor("type", "text"),
        ],
    }
).encode()
"""What the model server answers: a local chat runtime's three tensors, just under 500 bytes."""

CHAT = REGISTRY["chat/completions"]
OIP_REQUEST = CHAT.to_oip(OPENAI_REQUEST, None, DEFAULTS)[0]
"""What the filter makes of the request."""


def messages() -> list[bytes]:
    """Envoy's four messages of the exchange, in order, each a serialised ProcessingRequest."""
    request = _headers(
        **{
            ":authority": "127.0.0.1:9000",
            ":path": OPENAI_PATH,
            ":method": "POST",
            ":scheme": "http",
            "content-type": "application/json",
            "content-length": str(len(OPENAI_REQUEST)),
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-proto": "http",
            "x-envoy-internal": "true",
            "x-request-id": "3c0d3f0e-5a62-4a1c-8a58-3f6f0a1f2b7d",
        }
    )
    response = _headers(
        **{
            ":status": "200",
            "content-length": str(len(OIP_RESPONSE)),
            "content-type": "application/json",
            "date": "Thu, 01 Jan 2026 00:00:00 GMT",
            "server": "envoy",
            "x-envoy-upstream-service-time": "0",
        }
    )
    asked = HttpBody(body=OPENAI_REQUEST, end_of_stream=True)
    answered = HttpBody(body=OIP_RESPONSE, end_of_stream=True)
    return [
        ProcessingRequest(request_headers=request).SerializeToString(),
        ProcessingRequest(request_body=asked).SerializeToString(),
        ProcessingRequest(response_headers=response).SerializeToString(),
        ProcessingRequest(response_body=answered).SerializeToString(),
    ]


def _headers(**headers: str) -> HttpHeaders:
    return HttpHeaders(
        headers=HeaderMap(
            headers=[
                HeaderValue(key=name, raw_value=value.encode()) for name, value in headers.items()
            ]
        )
    )
