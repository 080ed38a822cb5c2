"""Embeddings, both ways."""

import base64
import json
import struct
from typing import Any

import pytest

from tests import oip
from translator.endpoints.embeddings import EMBEDDINGS, EmbeddingsInference, to_oip
from translator.errors import ClientError, UpstreamError


def ask(text: Any, **more: Any) -> tuple[dict[str, Any], EmbeddingsInference]:
    body, inference = to_oip(json.dumps({"model": "m", "input": text, **more}).encode(), None)
    return json.loads(body), inference


def refused(body: dict[str, Any]) -> ClientError:
    with pytest.raises(ClientError) as caught:
        to_oip(json.dumps(body).encode(), None)
    assert caught.value.status == 400
    return caught.value


def vectors(shape: list[int], data: str) -> bytes:
    tensor = f'{{"name":"embedding","shape":{shape},"datatype":"FP64","data":{data}}}'
    return f'{{"model_name":"m_1","outputs":[{tensor}]}}'.encode()


@pytest.mark.parametrize(("text", "data"), [("a", ["a"]), (["a", ""], ["a", ""]), ("", [""])])
def test_the_input_becomes_one_tensor(text: Any, data: list[str]) -> None:
    document, _ = ask(text, dimensions=2)
    assert document == {
        "inputs": [{"name": "input", "shape": [len(data)], "datatype": "BYTES", "data": data}],
        "parameters": {
            "embedding_parameters": {"dimensions": 2},
            "llm_parameters": {"dimensions": 2},
        },
    }


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, False),
        ({"encoding_format": None}, False),
        ({"encoding_format": "float"}, False),
        ({"encoding_format": "base64"}, True),
    ],
)
def test_the_encoding_is_remembered_and_sent_on(more: dict[str, Any], *, expected: bool) -> None:
    document, inference = ask("a", **more)
    assert inference.base64 is expected
    assert document["parameters"]["llm_parameters"] == more
    assert (inference.model, inference.streamed) == ("m", False)
    assert inference.media_type == "application/json"


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"model": "m"}, "input", "missing_required_parameter"),
        ({"model": "m", "input": None}, "input", "missing_required_parameter"),
        ({"model": "m", "input": []}, "input", "empty_array"),
        ({"model": "m", "input": 7}, "input", "invalid_type"),
        ({"model": "m", "input": ["a", 7]}, "input[1]", "invalid_type"),
        ({"model": "m", "input": [1, 2]}, "input[0]", "invalid_type"),
        ({"input": "a"}, "model", "missing_required_parameter"),
        (
            {"model": "m", "input": "a", "encoding_format": "hex"},
            "encoding_format",
            "invalid_value",
        ),
        ({"model": "m", "input": "a", "encoding_format": 7}, "encoding_format", "invalid_type"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str, code: str) -> None:
    error = refused(body)
    assert (error.param, error.code) == (param, code)


@pytest.mark.parametrize(
    ("shape", "data", "expected"),
    [
        ([2, 2], "[1.0,2.0,3.0,4.0]", b"[[1.0,2.0],[3.0,4.0]]"),
        ([2, 2], "[[1.0, 2.0],\n[3.0, 4.0]]", b"[[1.0,2.0],[3.0,4.0]]"),
        ([1, 3], "[1,-2.50,3e-07]", b"[[1,-2.50,3e-07]]"),
        ([3], "[1,2,3]", b"[[1,2,3]]"),
        ([2, 1], "[0.12345678901234567890,1]", b"[[0.12345678901234567890],[1]]"),
    ],
)
def test_vectors_keep_their_digits(shape: list[int], data: str, expected: bytes) -> None:
    answer = EmbeddingsInference("m").from_oip(vectors(shape, data))
    document = json.loads(answer)
    assert [item["index"] for item in document["data"]] == [*range(len(document["data"]))]
    for vector in expected[2:-2].split(b"],["):
        assert b'"embedding":[%b]}' % vector in answer
    assert [item["embedding"] for item in document["data"]] == json.loads(expected)


@pytest.mark.parametrize(("asked", "model"), [("m", "m"), (None, "m_1")])
def test_the_answer_is_openais_list(asked: str | None, model: str) -> None:
    assert json.loads(EmbeddingsInference(asked).from_oip(vectors([1, 1], "[0.5]"))) == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "model": model,
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
    }


def test_base64_is_little_endian_float32() -> None:
    answer = EmbeddingsInference("m", base64=True).from_oip(vectors([2, 2], "[1.5,-2,0.1,3e9]"))
    texts = [item["embedding"] for item in json.loads(answer)["data"]]
    assert [base64.b64decode(text) for text in texts] == [
        struct.pack("<2f", 1.5, -2),
        struct.pack("<2f", 0.1, 3e9),
    ]


def test_a_providers_whole_answer_passes_untouched_but_compact() -> None:
    document = oip.response(oip.text("output_all", '{ "data": [1.10],\n "usage": null }'))
    answer = EmbeddingsInference("m", base64=True).from_oip(json.dumps(document).encode())
    assert answer == b'{"data":[1.10],"usage":null}'


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"oops",
        vectors([1, 0], "[]"),
        vectors([0, 3], "[]"),
        vectors([0], "[]"),
        vectors([2, 2], "[1,2,3]"),
        vectors([-1, 2], "[1,2]"),
        vectors([3, 2], "[1,2]"),
        vectors([1], '["a"]'),
        vectors([1], "[null]"),
    ],
)
@pytest.mark.parametrize("as_base64", [True, False])
def test_an_answer_without_whole_vectors_is_upstreams_fault(
    body: bytes, *, as_base64: bool
) -> None:
    with pytest.raises(UpstreamError, match="could not be understood") as caught:
        EmbeddingsInference("m", base64=as_base64).from_oip(body)
    assert caught.value.status == 502


def test_embeddings_are_never_streamed() -> None:
    inference = EMBEDDINGS.inference("m", True)  # noqa: FBT003 -- the interface
    assert not inference.streamed
    with pytest.raises(NotImplementedError):
        inference.stream()


@pytest.mark.parametrize("shape", [[3], [], [2, 2]])
@pytest.mark.parametrize("data", [[[1.0, 2.0], []], [[], [1.0]], [[1.0], [2.0, 3.0]]])
def test_ragged_data_is_upstreams_fault(shape: list[int], data: list[list[float]]) -> None:
    body = {"outputs": [{"name": "embedding", "shape": shape, "datatype": "FP64", "data": data}]}
    with pytest.raises(UpstreamError):
        EmbeddingsInference("m").from_oip(json.dumps(body).encode())
