"""Embeddings: base64 is the float32 of every number, floats are the server's own digits."""

import base64
import json
import struct

from hypothesis import given
from hypothesis import strategies as st

from tests import oip
from translator.endpoints.embeddings import EmbeddingsInference, to_oip

FLOATS = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.floats(-1e30, 1e30),
    st.integers(-(2**40), 2**40),
)


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


@given(matrices(), st.booleans())
def test_base64_is_the_packed_float32_of_every_number(
    vectors: list[list[float]],
    nested: bool,  # noqa: FBT001 -- given by hypothesis
) -> None:
    output = EmbeddingsInference("m", base64=True).from_oip(answer(vectors, nested=nested))
    found = [base64.b64decode(item["embedding"]) for item in json.loads(output)["data"]]
    assert found == [struct.pack(f"<{len(vector)}f", *vector) for vector in vectors]


@given(matrices(), st.booleans())
def test_floats_are_the_servers_own_digits(
    vectors: list[list[float]],
    nested: bool,  # noqa: FBT001 -- given by hypothesis
) -> None:
    output = EmbeddingsInference("m").from_oip(answer(vectors, nested=nested))
    for index, vector in enumerate(vectors):
        text = json.dumps(vector, separators=(",", ":"))
        assert f'"index":{index},"embedding":{text}}}'.encode() in output
    assert [item["embedding"] for item in json.loads(output)["data"]] == vectors


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_every_input_arrives(texts: list[str]) -> None:
    body, _ = to_oip(json.dumps({"model": "m", "input": texts}).encode(), None)
    [tensor] = json.loads(body)["inputs"]
    assert tensor == {"name": "input", "shape": [len(texts)], "datatype": "BYTES", "data": texts}
