"""One chat completion, shown to a translator as Envoy would: there and back.

``python -m tests.image.exchange HOST:PORT`` fails if it is not translated.
"""

import json
import sys

import grpc

from tests import oip
from tests.unit import envoy
from translator.extproc._proto.external_processor_pb2 import ProcessingResponse
from translator.transport.grpcio import SERVICE

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def exchange(target: str) -> None:
    """Make it."""
    messages = [
        envoy.request_headers(),
        envoy.request_body(json.dumps(QUESTION).encode()),
        envoy.response_headers(),
        envoy.response_body(json.dumps(oip.answer("Hi")).encode()),
    ]
    with grpc.insecure_channel(target, (("grpc.enable_http_proxy", 0),)) as channel:
        process = channel.stream_stream(f"/{SERVICE}/Process")
        sent = (message.SerializeToString() for message in messages)
        replies = [ProcessingResponse.FromString(reply) for reply in process(sent, timeout=20)]
    _, request, _, response = replies
    assert request.HasField("request_body"), request
    assert response.HasField("response_body"), response
    upstream = request.request_body.response
    assert envoy.set_headers(upstream.header_mutation)[":path"] == "/v2/models/m/infer"
    inputs = {each["name"]: each for each in json.loads(upstream.body_mutation.body)["inputs"]}
    assert inputs["content"]["data"] == ["Hello"]
    answer = json.loads(response.response_body.response.body_mutation.body)
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == "Hi"


if __name__ == "__main__":
    exchange(sys.argv[1])
