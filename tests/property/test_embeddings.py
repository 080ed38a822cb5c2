"""Embeddings: base64 is the float32 of every number, floats are the server's own digits."""

import base64
import json
import math
import struct
from contextlib import suppress
from typing import Any, Literal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests import oip
from tests.unit.translating import MODELS, accept
from translator.contracts.models import Models
from translator.contracts.settings import ModelSettings
from translator.errors import ClientError, UpstreamError
from translator.operations.base import Inference
from translator.operations.embeddings.operation import EMBEDDINGS

FLOATS = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.floats(-1e30, 1e30),
    st.integers(-(2**40), 2**40),
)
ENCODINGS: tuple[Literal["float", "base64"], ...] = ("float", "base64")


@st.composite
def matrices(draw: st.DrawFn) -> list[list[float]]:
    width = draw(st.integers(1, 8))
    return draw(st.lists(st.lists(FLOATS, min_size=width, max_size=width), min_size=1, max_size=5))


def answer(vectors: list[list[float]], *, nested: bool) -> bytes:
    tensor = {
        "name": "embedding",
        "shape": [len(vectors), len(vectors[0])],
        "datatype": "FP64",
        "data": vectors if nested else [number for vector in vectors for number in vector],
    }
    return json.dumps(oip.response(tensor)).encode()


def asked(count: int, encoding: Literal["float", "base64"] = "float") -> Inference:
    """Embeddings of so many texts."""
    body = {"model": "m", "input": ["x"] * count, "encoding_format": encoding}
    return accept(EMBEDDINGS, body)


@given(matrices(), st.booleans())
def test_base64_is_the_packed_float32_of_every_number(
    vectors: list[list[float]],
    nested: bool,  # noqa: FBT001 -- given by hypothesis
) -> None:
    inference = asked(len(vectors), "base64")
    output = inference.complete([answer(vectors, nested=nested)]).body
    found = [base64.b64decode(item["embedding"]) for item in json.loads(output)["data"]]
    assert found == [struct.pack(f"<{len(vector)}f", *vector) for vector in vectors]


@given(matrices(), st.booleans())
def test_floats_are_the_servers_own_digits(
    vectors: list[list[float]],
    nested: bool,  # noqa: FBT001 -- given by hypothesis
) -> None:
    output = asked(len(vectors)).complete([answer(vectors, nested=nested)]).body
    for index, vector in enumerate(vectors):
        text = json.dumps(vector, separators=(",", ":"))
        assert f'"index":{index},"embedding":{text}}}'.encode() in output
    assert [item["embedding"] for item in json.loads(output)["data"]] == vectors


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
TOKENS = st.integers(-(2**63), 2**63 - 1)


def tensor_of(given: Any, models: Models = MODELS) -> Any:
    inference = accept(EMBEDDINGS, {"model": "m", "input": given}, models)
    [tensor] = json.loads(inference.request.body)["inputs"]
    assert tensor["name"] == "input"
    vectors = [[0.5]] * tensor["shape"][0]
    assert inference.complete([answer(vectors, nested=True)]), "as many as were asked for"
    return tensor


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_every_text_arrives(texts: list[str]) -> None:
    tensor = tensor_of(texts)
    assert tensor == {"name": "input", "shape": [len(texts)], "datatype": "BYTES", "data": texts}


@given(st.lists(st.lists(TOKENS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_every_token_arrives_as_text(arrays: list[list[int]]) -> None:
    tensor = tensor_of(arrays, Models(ModelSettings("text")))
    assert (tensor["shape"], tensor["datatype"]) == ([len(arrays)], "BYTES")
    assert [json.loads(element) for element in tensor["data"]] == arrays


@given(st.data(), st.integers(1, 4))
def test_every_token_arrives_as_a_number(data: st.DataObject, length: int) -> None:
    array = st.lists(TOKENS, min_size=length, max_size=length)
    arrays = data.draw(st.lists(array, min_size=1, max_size=4))
    assert tensor_of(arrays) == {
        "name": "input",
        "shape": [len(arrays), length],
        "datatype": "INT64",
        "data": [token for tokens in arrays for token in tokens],
    }


ITEMS = st.one_of(
    st.text(max_size=2),
    st.integers(),
    st.lists(st.integers(), max_size=2),
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.one_of(ITEMS, st.lists(ITEMS, max_size=4)), st.sampled_from(["int64", "text"]))
def test_any_input_is_translated_whole_or_refused_by_name(
    given_: Any, tokens: Literal["int64", "text"]
) -> None:
    try:
        tensor = tensor_of(given_, Models(ModelSettings(tokens)))
    except ClientError as error:
        refusal = error
    else:
        assert len(tensor["data"]) == math.prod(tensor["shape"]) > 0
        return
    assert refusal.status == 400
    assert (refusal.param or "").startswith("input")
    assert f"'{refusal.param}'" in refusal.message


@given(st.binary(max_size=200))
def test_a_response_is_read_or_an_upstream_error(body: bytes) -> None:
    for encoding in ENCODINGS:
        with suppress(UpstreamError):
            asked(1, encoding).complete([body])


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(width=32), st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["embedding", "x", "prompt_tokens", "usage", "output_all"]),
        "data": JSON,
        "shape": st.lists(st.integers(-1, 4), max_size=3),
        "datatype": st.sampled_from(["FP32", "FP64", "INT64", "BYTES"]),
    }
)


@given(st.lists(TENSORS, max_size=3), st.sampled_from(ENCODINGS))
def test_any_outputs_give_vectors_of_numbers_or_our_own_error(
    outputs: list[dict[str, Any]], encoding: Literal["float", "base64"]
) -> None:
    body = msgspec.json.encode(oip.response(*outputs))
    try:
        answer = json.loads(asked(1, encoding).complete([body]).body)
    except UpstreamError:
        return
    if any(tensor["name"] == "output_all" for tensor in outputs):
        return  # the provider's own words
    assert answer["usage"]["prompt_tokens"] >= 0
    assert [item["index"] for item in answer["data"]] == [*range(len(answer["data"]))]
    for item in answer["data"]:
        assert isinstance(item["embedding"], str if encoding == "base64" else list)
        assert item["embedding"]
