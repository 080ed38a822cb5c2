"""The settings of models, and the requests to them."""

import json

import pytest

from tests.unit.events import documents_of, event
from tests.unit.translating import accept, chat, complete
from translator.contracts.base import Contract
from translator.contracts.models import Models, Target
from translator.contracts.registry import CONTRACTS
from translator.contracts.settings import ContractName, ModelSettings
from translator.errors import ClientError
from translator.operations.base import Operation
from translator.operations.events import split
from translator.operations.registry import OPERATIONS

TEXT = ModelSettings(token_input="text")  # noqa: S106 -- tokens of text, no secret
OF_A_PIPELINE = ContractName("seldon-pipeline")
PIPELINE = ModelSettings(contract=OF_A_PIPELINE)


def test_a_model_that_is_not_named_has_the_default() -> None:
    assert Models().of("m") == ModelSettings()
    assert Models(TEXT).of("m") is TEXT
    assert Models(TEXT, {"m": ModelSettings()}).of("other") is TEXT


def test_a_model_that_is_named_has_its_own() -> None:
    models = Models(by_name={"org/m=1": TEXT})
    assert models.of("org/m=1") is TEXT
    assert models.of("org/m") == models.of("ORG/m=1") == ModelSettings()


def test_in_a_mesh_a_name_that_ends_in_pipeline_is_a_pipeline() -> None:
    models = Models(TEXT, {"own.pipeline": ModelSettings(max_messages=2)}, seldon_mesh=True)
    assert models.of("m.pipeline") == ModelSettings("text", contract=OF_A_PIPELINE)
    assert models.of("own.pipeline") == ModelSettings(contract=OF_A_PIPELINE, max_messages=2)
    assert models.of("m") is models.of("m.pipeline.v2") is TEXT
    assert Models(TEXT).of("m.pipeline") is TEXT


def test_a_pipeline_has_its_settings_under_either_of_its_names() -> None:
    few = ModelSettings(contract=OF_A_PIPELINE, max_messages=2)
    model = ModelSettings(max_messages=3)
    models = Models(by_name={"a": few, "b.pipeline": few, "c": model}, seldon_mesh=True)
    assert models.of("a.pipeline") == few
    assert models.of("b", is_pipeline=True) == few
    assert models.of("c.pipeline") == PIPELINE  # a model may have the name of a pipeline
    assert models.of("c") is model


def test_a_pipeline_url_selects_the_pipeline_contract() -> None:
    models = Models(TEXT, {"p": ModelSettings(max_messages=2)})
    target = Target(models, is_pipeline=True)
    assert target.model("p").settings == ModelSettings(contract=OF_A_PIPELINE, max_messages=2)
    assert target.model("x").settings == ModelSettings("text", contract=OF_A_PIPELINE)


@pytest.mark.parametrize(
    ("settings", "model", "name"),
    [
        (TEXT, "m", "m"),
        (PIPELINE, "m", "m.pipeline"),
        (PIPELINE, "m.pipeline", "m.pipeline"),
        (PIPELINE, "m.experiment", "m.experiment"),  # on pipelines
    ],
)
def test_the_mesh_routes_by_the_name_with_its_suffix(
    settings: ModelSettings, model: str, name: str
) -> None:
    request = chat(models=Models(settings), model=model).request
    assert request.headers == (("seldon-model", name),)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_a_task_without_a_codec_is_refused_with_the_models_name(
    operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONTRACTS, "bare", Contract("bare"))
    models = Models(by_name={"m": ModelSettings(contract=ContractName("bare"))})
    body = json.loads(operation.example)
    with pytest.raises(ClientError, match="'m' does not support this") as caught:
        accept(operation, {"model": "m", **body}, models)
    error = caught.value
    assert (error.status, error.code, error.param) == (400, "unsupported_operation", "model")
    assert accept(operation, {"model": "other", **body}, models).model == "other"


ANSWER = {"outputs": [{"name": "content", "datatype": "BYTES", "shape": [1], "data": ["Hi"]}]}


@pytest.mark.parametrize("settings", [PIPELINE, ModelSettings(streams=False)])
def test_a_model_without_streams_is_called_whole_and_the_client_gets_a_stream(
    settings: ModelSettings,
) -> None:
    inference = chat(models=Models(settings), stream=True)
    assert inference.request.path == "/v2/models/m/infer"
    assert (inference.request.streamed, inference.as_events) == (False, True)
    assert inference.stream is None
    assert _said(complete(inference, ANSWER)) == "Hi"


@pytest.mark.parametrize("settings", [PIPELINE, ModelSettings(streams=False)])
def test_events_of_a_model_without_streams_are_streamed_too(settings: ModelSettings) -> None:
    inference = chat(models=Models(settings), stream=True)
    events = event(ANSWER) * 2 + b"data: [DONE]\n\n"
    assert _said(inference.complete(split(events, b"[DONE]")).body) == "HiHi"


def _said(events: bytes) -> str:
    """The content of a whole stream of chunks that ends as it should."""
    choices = [choice for chunk in documents_of(events) for choice in chunk["choices"]]
    assert choices[-1]["finish_reason"] == "stop"
    return "".join(choice["delta"].get("content", "") for choice in choices)
