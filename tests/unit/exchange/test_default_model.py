"""The model of requests that name none."""

import json
from typing import Any

import pytest

from tests import oip
from tests.unit.envoy import JSON, POST_CHAT
from translator.contracts.models import Models
from translator.contracts.settings import ModelSettings
from translator.exchange.actions import Action, Forward, Respond
from translator.exchange.exchange import Exchange
from translator.exchange.settings import ExchangeSettings
from translator.operations.base import Operation
from translator.operations.registry import OPERATIONS

by_operation = pytest.mark.parametrize(
    "operation", OPERATIONS.values(), ids=lambda operation: operation.name
)
NO_MODEL = {
    "message": "you must provide a model parameter",
    "type": "invalid_request_error",
    "param": None,
    "code": None,
}


def asked(
    operation: Operation, settings: ExchangeSettings, path: str = "/v1", **fields: Any
) -> tuple[Exchange, Action]:
    """The exchange of the smallest request with these fields, and what becomes of the request."""
    exchange = Exchange(settings)
    head = {**POST_CHAT, ":path": f"{path}/{operation.name}"}
    exchange.on_request_headers(head, end_of_stream=False)
    body = json.loads(operation.example) | fields
    return exchange, exchange.on_request_body(json.dumps(body).encode())


def asks(operation: Operation, settings: ExchangeSettings, path: str = "/v1", **fields: Any) -> str:
    """The path that the request is sent to."""
    exchange, action = asked(operation, settings, path, **fields)
    assert isinstance(action, Forward)
    headers = dict(action.set_headers)
    assert headers["seldon-model"] == exchange.record.model
    return headers[":path"]


def refused(
    operation: Operation, settings: ExchangeSettings, path: str = "/v1", **fields: Any
) -> Any:
    _, action = asked(operation, settings, path, **fields)
    assert isinstance(action, Respond)
    assert action.status == 400
    return json.loads(action.body)["error"]


def default(operation: Operation, **more: Any) -> ExchangeSettings:
    return ExchangeSettings(default_model={operation.name: "own"}, **more)


@by_operation
@pytest.mark.parametrize("fields", [{}, {"model": None}])
def test_a_request_that_names_no_model_goes_to_the_default(
    operation: Operation, fields: dict[str, Any]
) -> None:
    assert asks(operation, default(operation), **fields) == "/v2/models/own/infer"


@by_operation
@pytest.mark.parametrize("fields", [{}, {"model": None}, {"model": ""}])
def test_without_a_default_it_is_refused_as_openai_refuses_it(
    operation: Operation, fields: dict[str, Any]
) -> None:
    others = {name: "own" for name in OPERATIONS if name != operation.name}
    settings = ExchangeSettings(default_model=others)
    assert refused(operation, settings, **fields) == NO_MODEL


@by_operation
def test_an_empty_name_is_refused_all_the_same(operation: Operation) -> None:
    assert refused(operation, default(operation), model="") == NO_MODEL


@by_operation
def test_a_model_that_is_named_is_stronger(operation: Operation) -> None:
    settings = default(operation)
    assert asks(operation, settings, model="m") == "/v2/models/m/infer"
    in_url = "/v2/models/m/versions/2/infer"
    assert asks(operation, settings, in_url, model="m") == in_url


def test_the_model_of_a_url_is_never_replaced() -> None:
    chat, images = OPERATIONS["chat/completions"], OPERATIONS["images/generations"]
    in_url = "/v2/models/m/infer"
    assert asks(images, default(images), in_url) == in_url
    assert refused(chat, default(chat), in_url) == NO_MODEL  # the body must name it too


def test_the_default_has_its_own_settings() -> None:
    embeddings = OPERATIONS["embeddings"]
    models = Models(by_name={"own": ModelSettings(max_inputs=1)})
    error = refused(embeddings, default(embeddings, models=models), input=["a", "b"])
    assert (error["param"], error["code"]) == ("input", "array_above_max_length")


def test_the_client_sees_the_default_in_the_answer() -> None:
    exchange, _ = asked(OPERATIONS["chat/completions"], default(OPERATIONS["chat/completions"]))
    exchange.on_response_headers(JSON, end_of_stream=False)
    answer = json.dumps(oip.answer("Hi")).encode()
    action = exchange.on_response_body(answer, end_of_stream=True)
    assert json.loads(action.body or b"")["model"] == "own"
