"""The exchanges of the benchmark, and the filter's translation of them."""

import base64
import json
import struct

import pytest

from bench import bodies
from bench.exchange import Exchange


@pytest.mark.parametrize(
    ("exchange", "request_size", "response_size"),
    [
        (bodies.small_chat(), 196, 478),
        (bodies.long_chat(), 10_000, 2_400),
        (bodies.image_chat(1), 1_000_000, 478),
    ],
)
def test_sizes(exchange: Exchange, request_size: int, response_size: int) -> None:
    assert len(exchange.openai_request) == pytest.approx(request_size, rel=0.1)
    assert len(exchange.oip_response) == pytest.approx(response_size, rel=0.1)


@pytest.mark.parametrize(
    "exchange", [bodies.small_chat(), bodies.long_chat(), bodies.embeddings(2, 3)]
)
def test_the_proof_is_in_every_correct_response(exchange: Exchange) -> None:
    assert exchange.proof
    assert exchange.proof in exchange.oip_response
    assert exchange.proof in exchange.translated.complete([exchange.oip_response]).body


def test_embeddings_are_float32_the_same_each_time() -> None:
    exchange = bodies.embeddings(3, 4)
    assert exchange == bodies.embeddings(3, 4)
    (tensor,) = json.loads(exchange.oip_response)["outputs"]
    assert tensor["shape"] == [3, 4]
    assert list(struct.unpack("12f", struct.pack("12f", *tensor["data"]))) == tensor["data"]


def test_embeddings_as_base64_hold_the_same_numbers() -> None:
    exchange = bodies.embeddings(2, 4, base64=True)
    answer = json.loads(exchange.translated.complete([exchange.oip_response]).body)
    numbers = [
        number
        for vector in answer["data"]
        for number in struct.unpack("<4f", base64.b64decode(vector["embedding"]))
    ]
    assert numbers == json.loads(exchange.oip_response)["outputs"][0]["data"]


def test_an_exchange_is_four_messages() -> None:
    exchange = bodies.small_chat()
    phases = [message[0] >> 3 for message in exchange.messages()]
    assert phases == [2, 4, 3, 5]  # the numbers of their fields in ProcessingRequest
