"""The name of the model in body and URL."""

import json

import pytest
from msgspec import Raw

from tests.unit.translating import accept
from translator.contracts.models import Target
from translator.errors import ClientError, model_not_found
from translator.operations.base import Operation, take_model
from translator.operations.registry import OPERATIONS


def test_the_registry_knows_each_operation_by_its_name() -> None:
    assert set(OPERATIONS) == {"chat/completions", "embeddings", "images/generations"}
    assert all(operation.name == name for name, operation in OPERATIONS.items())


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_the_example_of_an_operation_is_accepted_with_a_model(operation: Operation) -> None:
    example = json.loads(operation.example)
    inference = accept(operation, {"model": "m", **example})
    assert (inference.model, inference.request.streamed, inference.as_events) == ("m", False, False)


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4",
        "my_model",
        "infer-model",
        "org/m",
        "a.pipeline",
        "...",
        "a/..b",
        "versions/m",
        "é",
        "x" * 512,
    ],
)
@pytest.mark.parametrize("in_url", [True, False])
def test_the_model_is_removed_from_the_body(name: str, *, in_url: bool) -> None:
    fields = {"model": Raw(f'"{name}"'.encode()), "input": Raw(b"1")}
    assert take_model(fields, Target(model_in_url=name if in_url else None)) == name
    assert list(fields) == ["input"]


@pytest.mark.parametrize("text", [None, b"null", b'""'])
def test_the_body_must_name_a_model(text: bytes | None) -> None:
    for url_model in (None, "chat"):
        with pytest.raises(ClientError) as caught:
            take_model({"model": Raw(text)} if text else {}, Target(model_in_url=url_model))
        error = caught.value
        assert error.message == "you must provide a model parameter"
        assert (error.status, error.param, error.code) == (400, None, None)


@pytest.mark.parametrize("text", [None, b"null"])
def test_the_url_alone_can_name_the_model_of_some_operations(text: bytes | None) -> None:
    fields = {"model": Raw(text)} if text else {}
    assert take_model(fields, Target(model_in_url="dall-e"), required=False) == "dall-e"
    assert fields == {}


def test_body_or_url_must_name_the_model() -> None:
    with pytest.raises(ClientError, match=r"^you must provide a model parameter$"):
        take_model({}, Target(), required=False)


def test_an_empty_name_is_none_even_where_the_url_is_enough() -> None:
    with pytest.raises(ClientError, match=r"^you must provide a model parameter$"):
        take_model({"model": Raw(b'""')}, Target(model_in_url="m"), required=False)


def test_body_and_url_must_agree() -> None:
    with pytest.raises(ClientError, match="'a', is not the model of this URL, 'b'") as caught:
        take_model({"model": Raw(b'"a"')}, Target(model_in_url="b"))
    error = caught.value
    assert (error.status, error.param, error.code) == (400, "model", "model_mismatch")


@pytest.mark.parametrize("text", [None, b"null", b'"b"', b"7"])
def test_the_url_may_decide_whatever_the_body_says(text: bytes | None) -> None:
    fields = {"model": Raw(text)} if text else {}
    assert take_model(fields, Target(model_in_url="a", url_decides=True)) == "a"
    assert fields == {}


@pytest.mark.parametrize("name", ["a\\nb", "a\\u0000", "\\u007f", " a", "a ", "x" * 513])
def test_an_impossible_name_is_not_found(name: str) -> None:
    with pytest.raises(ClientError) as caught:
        take_model({"model": Raw(f'"{name}"'.encode())}, Target())
    error = caught.value
    assert (error.status, error.code) == (404, "model_not_found")
    assert len(error.message) < 200


@pytest.mark.parametrize("name", ["\udc80", "a\x1f", "a "])
def test_an_impossible_name_in_the_url_is_not_found(name: str) -> None:
    with pytest.raises(ClientError) as caught:
        take_model({}, Target(model_in_url=name), required=False)
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")


@pytest.mark.parametrize("text", [b"7", b"[]", b"{}"])
def test_the_name_is_a_string(text: bytes) -> None:
    with pytest.raises(ClientError) as caught:
        take_model({"model": Raw(text)}, Target())
    assert (caught.value.param, caught.value.code) == ("model", "invalid_type")


@pytest.mark.parametrize(
    ("model", "subject"), [("m", "The model `m` does"), (None, "The model that you requested does")]
)
def test_not_found_has_openais_message(model: str | None, subject: str) -> None:
    error = model_not_found(model)
    assert error.message == f"{subject} not exist or you do not have access to it."
    assert (error.status, error.type, error.code) == (
        404,
        "invalid_request_error",
        "model_not_found",
    )


@pytest.mark.parametrize(
    "name",
    [".", "..", "../x", "a/../b", "a/.", "./a", "..\\x", "m/versions/1", "a/b/versions/2/ready"],
)
@pytest.mark.parametrize("in_url", [True, False])
def test_a_name_that_a_server_can_read_as_another_path_is_refused(
    name: str, *, in_url: bool
) -> None:
    fields = {"model": Raw(json.dumps(name).encode())}
    with pytest.raises(ClientError, match="path segments") as caught:
        take_model(fields, Target(model_in_url=name if in_url else None))
    error = caught.value
    assert (error.status, error.param, error.code) == (400, "model", "invalid_value")
