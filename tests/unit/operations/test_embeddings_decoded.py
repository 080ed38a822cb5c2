"""Token arrays of an embeddings request that are decoded to text."""

import json
from typing import Any

import pytest

from tests import oip, tokenizer
from tests.unit.translating import accept, complete
from translator.contracts.models import Models
from translator.contracts.settings import ModelSettings
from translator.errors import ClientError
from translator.operations.base import Inference
from translator.operations.embeddings.operation import EMBEDDINGS
from translator.settings.tokenizers import FileTokenizer

OF_CLIENTS = tokenizer.make()
[END] = OF_CLIENTS.encode(tokenizer.END).ids
DECODE = ModelSettings("decode", tokenizer="tokenizer.json")
MODELS = Models(
    by_name={"m": DECODE},
    tokenizers={"tokenizer.json": FileTokenizer(OF_CLIENTS.to_str().encode())},
)


def tokens(text: str) -> list[int]:
    return list(OF_CLIENTS.encode(text).ids)


def ask(given: Any, model: str = "m", **more: Any) -> Inference:
    return accept(EMBEDDINGS, {"model": model, "input": given, **more}, MODELS)


def sent(given: Any, **more: Any) -> Any:
    """What the model server gets."""
    return json.loads(ask(given, **more).request.body)


def refused(given: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        ask(given)
    assert (caught.value.status, caught.value.type) == (400, "invalid_request_error")
    return caught.value


def test_the_model_gets_the_same_request_as_for_text() -> None:
    arrays = [tokens(text) for text in tokenizer.TEXTS]
    assert len({len(array) for array in arrays}) == len(arrays)
    assert sent(arrays, dimensions=2) == sent(tokenizer.TEXTS, dimensions=2)


@pytest.mark.parametrize("text", [*tokenizer.TEXTS, " ", "\0", "é" * 1000, tokenizer.END[:-1]])
def test_one_array_is_one_text(text: str) -> None:
    assert sent(tokens(text)) == sent([tokens(text)]) == sent(text)


def test_there_is_a_vector_for_each_array() -> None:
    inference = ask([tokens("a"), tokens("b c")])
    vectors = oip.response({**oip.numbers("embedding", 0.5, 1.5), "shape": [2, 1]})
    data = json.loads(complete(inference, vectors))["data"]
    assert [item["embedding"] for item in data] == [[0.5], [1.5]]


def test_other_models_get_the_tokens() -> None:
    [tensor] = sent([5, 6], model="other")["inputs"]
    assert (tensor["datatype"], tensor["data"]) == ("INT64", [5, 6])


@pytest.mark.parametrize("odd", [-1, -(2**63), 2**31, 2**63 - 1, len(OF_CLIENTS.get_vocab())])
def test_a_number_that_is_not_a_token_is_refused_with_its_index(odd: int) -> None:
    for given, place in (([5, odd, 6], "input[1]"), ([[5], [6, 7, odd]], "input[1][2]")):
        error = refused(given)
        assert (error.param, error.code) == (place, "invalid_value")
        assert error.message == (
            f"Invalid '{place}': {odd} is not a token of the tokenizer that this model's input is "
            "decoded with. Send text instead."
        )


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ([], "input", "empty_array"),
        ([[]], "input[0]", "empty_array"),
        ([[5], []], "input[1]", "empty_array"),
        ([5, 2**63], "input[1]", "invalid_value"),
        ([5, "a"], "input[1]", "invalid_type"),
        ([5, 1.5], "input[1]", "invalid_type"),
    ],
)
def test_what_is_no_array_of_tokens_is_refused_as_without_a_tokenizer(
    given: Any, param: str, code: str
) -> None:
    error = refused(given)
    assert (error.param, error.code) == (param, code)


def test_special_tokens_are_no_text() -> None:
    assert sent([END, *tokens("a b"), END]) == sent("a b")
    error = refused([tokens("a"), [END]])
    assert (error.param, error.code) == ("input[1]", None)
    assert error.message == "Invalid 'input[1]': input cannot be an empty string."


def test_part_of_a_character_becomes_u_fffd() -> None:
    """A client that cuts a long text by its tokens cuts characters of several tokens too."""
    whole = tokens("x é")
    first, second = sent([whole[:-1], whole[-1:]])["inputs"][0]["data"]
    assert (first, second) == ("x \ufffd", "\ufffd")
