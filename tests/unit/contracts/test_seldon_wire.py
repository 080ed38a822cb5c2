"""Seldon's parameters and tensors, for models and pipelines with settings."""

import json
from typing import Any

import pytest

from tests import oip
from tests.unit.events import event
from tests.unit.translating import HELLO, accept, chat, complete
from translator.contracts.models import Models
from translator.contracts.seldon.wire import MODEL, PIPELINE_GATEWAY
from translator.contracts.settings import ContractName, ModelSettings
from translator.operations.base import Inference, Operation
from translator.operations.chat.operation import CHAT
from translator.operations.embeddings.operation import EMBEDDINGS
from translator.operations.events import split
from translator.operations.images import IMAGES
from translator.operations.registry import OPERATIONS

PIPELINE = ModelSettings(contract=ContractName("seldon-pipeline"))
LOCAL = {
    CHAT.name: "kwargs",
    EMBEDDINGS.name: "embedding_parameters",
    IMAGES.name: "llm_parameters",
}
every_operation = pytest.mark.parametrize(
    "operation", OPERATIONS.values(), ids=lambda operation: operation.name
)


def ask(operation: Operation, settings: ModelSettings, **more: Any) -> Inference:
    body = {"model": "m", **json.loads(operation.example), **more}
    return accept(operation, body, Models(settings))


def sent(operation: Operation, settings: ModelSettings, **more: Any) -> Any:
    return json.loads(ask(operation, settings, **more).request.body)["parameters"]


@every_operation
@pytest.mark.parametrize(
    ("wanted", "keys"),
    [("both", {"local", "openai"}), ("openai", {"openai"}), ("local", {"local"}), ("none", set())],
)
def test_parameters_go_under_the_keys_that_the_model_reads(
    operation: Operation, wanted: Any, keys: set[str]
) -> None:
    names = {"local": LOCAL[operation.name], "openai": "llm_parameters"}
    expected = {names[key]: {"user": "x"} for key in keys}
    assert sent(operation, ModelSettings(parameters=wanted), user="x") == expected


@every_operation
def test_a_pipeline_gets_only_scalar_parameters(operation: Operation) -> None:
    plain = {"user": "x", "seed": -7, "yes": True, "no": False}
    other = {"top_p": 0.5, "more": {"a": 1}, "list": [1], "nothing": None, "big": 10**30}
    assert sent(operation, PIPELINE, **plain, **other) == plain


@pytest.mark.parametrize(
    ("number", "sent_on"), [(2**63 - 1, True), (2**63, False), (-(2**63), True)]
)
def test_a_pipeline_gets_only_numbers_of_64_bits(number: int, *, sent_on: bool) -> None:
    assert ("seed" in sent(CHAT, PIPELINE, seed=number)) is sent_on


@pytest.mark.parametrize("parameters", [{}, {"parameters": {"content_type": "np"}}])
def test_outputs_of_a_pipeline_are_base64_unless_typed_as_text(parameters: Any) -> None:
    packed = {**oip.text("content", "SGk="), "parameters": None, **parameters}
    body = json.dumps(oip.response(packed, oip.text("role", "SGk="))).encode()
    outputs = PIPELINE_GATEWAY.read(body, PIPELINE, frozenset()).outputs
    assert [tensor.strings() for tensor in outputs] == [["Hi"], ["SGk="]]
    assert MODEL.read(body, ModelSettings(), frozenset()).outputs[1].strings() == ["SGk="]


RENAMED = ModelSettings(
    inputs={"content": "text_input", "input": "text", "prompt": "text"},
    outputs={"content": "text_output", "embedding": "vector", "image": "picture"},
)


@pytest.mark.parametrize(
    ("operation", "names"),
    [(CHAT, ["role", "text_input", "type"]), (EMBEDDINGS, ["text"]), (IMAGES, ["text"])],
    ids=lambda value: value.name if isinstance(value, Operation) else None,
)
def test_inputs_can_be_renamed(operation: Operation, names: list[str]) -> None:
    document = json.loads(ask(operation, RENAMED).request.body)
    assert [tensor["name"] for tensor in document["inputs"]] == names


def answer_of(inference: Inference, output: Any) -> bytes:
    document = {"outputs": [output]}
    if inference.stream is not None:
        stream = inference.stream(1000)
        return stream.feed(event(document)) + stream.finish()
    return inference.complete([json.dumps(document).encode()]).body


@pytest.mark.parametrize(
    ("operation", "output", "said", "more"),
    [
        (CHAT, oip.text("text_output", "Hello"), b'"content":"Hello"', {}),
        (CHAT, oip.text("text_output", "Hello"), b'"content":"Hello"', {"stream": True}),
        (EMBEDDINGS, oip.numbers("vector", 0.5, datatype="FP32"), b'"embedding":[0.5]', {}),
        (IMAGES, oip.text("picture", "iVBORw0KGgo="), b'"b64_json":"iVBORw0KGgo="', {}),
    ],
)
def test_outputs_can_be_renamed(
    operation: Operation, output: Any, said: bytes, more: dict[str, Any]
) -> None:
    assert said in answer_of(ask(operation, RENAMED, **more), output)


def test_outputs_of_an_unrequested_stream_can_be_renamed() -> None:
    events = event({"outputs": [oip.text("text_output", "Hel")]}) * 2
    answer = chat(models=Models(RENAMED)).complete(split(events))
    assert b'"content":"HelHel"' in answer.body


def test_outputs_of_two_tasks_can_have_the_same_name() -> None:
    models = Models(ModelSettings(outputs={"content": "out", "embedding": "out"}))
    chat = accept(CHAT, {"model": "m", "messages": [HELLO]}, models)
    assert b'"content":"Hi"' in complete(chat, oip.response(oip.text("out", "Hi")))
    embeddings = accept(EMBEDDINGS, {"model": "m", "input": "x"}, models)
    vector = {"name": "out", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
    assert b"[1,2]" in complete(embeddings, oip.response(vector))
