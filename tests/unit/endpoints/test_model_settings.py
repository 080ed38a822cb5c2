"""What differs from model to model."""

import json
from typing import Any

import pytest

from tests import oip
from translator.endpoints import chat, embeddings, images
from translator.endpoints.model_settings import DEFAULTS, Models, ModelSettings
from translator.errors import ClientError

TEXT = ModelSettings(token_input="text")  # noqa: S106 -- tokens of text, no secret
PIPELINE = ModelSettings(kind="pipeline")
CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
BODIES: dict[Any, dict[str, Any]] = {
    chat: CHAT,
    embeddings: {"model": "m", "input": "Hi"},
    images: {"model": "m", "prompt": "Hi"},
}
LOCAL = {chat: "kwargs", embeddings: "embedding_parameters", images: "llm_parameters"}


def sent(endpoint: Any, settings: ModelSettings, **more: Any) -> Any:
    body, _ = endpoint.to_oip(json.dumps(BODIES[endpoint] | more).encode(), None, Models(settings))
    return json.loads(body)["parameters"]


def test_a_model_that_is_not_named_has_the_default() -> None:
    assert DEFAULTS.of("m") == ModelSettings()
    assert Models(TEXT).of("m") is TEXT
    assert Models(TEXT, {"m": ModelSettings()}).of("other") is TEXT


def test_a_model_that_is_named_has_its_own() -> None:
    models = Models(by_name={"org/m=1": TEXT})
    assert models.of("org/m=1") is TEXT
    assert models.of("org/m") == models.of("ORG/m=1") == ModelSettings()


@pytest.mark.parametrize("endpoint", BODIES, ids=lambda module: module.__name__)
@pytest.mark.parametrize(
    ("wanted", "keys"),
    [("both", {"local", "openai"}), ("openai", {"openai"}), ("local", {"local"}), ("none", set())],
)
def test_parameters_go_under_the_keys_that_the_model_reads(
    endpoint: Any, wanted: Any, keys: set[str]
) -> None:
    names = {"local": LOCAL[endpoint], "openai": "llm_parameters"}
    expected = {names[key]: {"user": "x"} for key in keys}
    assert sent(endpoint, ModelSettings(parameters=wanted), user="x") == expected


@pytest.mark.parametrize("endpoint", BODIES, ids=lambda module: module.__name__)
def test_a_pipeline_gets_only_what_its_gateway_takes(endpoint: Any) -> None:
    plain = {"user": "x", "seed": -7, "yes": True, "no": False}
    other = {"top_p": 0.5, "more": {"a": 1}, "list": [1], "nothing": None, "big": 10**30}
    assert sent(endpoint, PIPELINE, **plain, **other) == plain


@pytest.mark.parametrize("settings", [PIPELINE, ModelSettings(streams=False)])
def test_what_cannot_stream_is_asked_whole_and_the_client_gets_its_stream(
    settings: ModelSettings,
) -> None:
    body = json.dumps({**CHAT, "stream": True}).encode()
    _, inference = chat.to_oip(body, None, Models(settings))
    assert (inference.streamed, inference.as_events) == (False, True)
    answer = {"outputs": [{"name": "content", "datatype": "BYTES", "shape": [1], "data": ["Hi"]}]}
    events = inference.from_oip(json.dumps(answer).encode()).body
    assert events.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("parameters", [{}, {"parameters": {"content_type": "np"}}])
def test_texts_of_a_pipeline_are_base64_unless_they_say_otherwise(parameters: Any) -> None:
    packed = {**oip.text("content", "SGk="), "parameters": None, **parameters}
    body = json.dumps(oip.response(packed, oip.text("role", "SGk="))).encode()
    assert [tensor.strings() for tensor in PIPELINE.decode(body).outputs] == [["Hi"], ["SGk="]]
    assert TEXT.decode(body).outputs[1].strings() == ["SGk="]


@pytest.mark.parametrize(
    ("settings", "model", "name"),
    [
        (TEXT, "m", "m"),
        (PIPELINE, "m", "m.pipeline"),
        (PIPELINE, "m.pipeline", "m.pipeline"),
        (PIPELINE, "m.experiment", "m.experiment"),  # on pipelines
    ],
)
def test_the_mesh_routes_by_the_name_and_what_it_stands_for(
    settings: ModelSettings, model: str, name: str
) -> None:
    assert settings.mesh_name(model) == name


def test_in_a_mesh_a_name_may_say_that_it_is_a_pipelines() -> None:
    models = Models(TEXT, {"own.pipeline": ModelSettings(max_messages=2)}, seldon_mesh=True)
    assert models.of("m.pipeline") == ModelSettings(token_input="text", kind="pipeline")  # noqa: S106 -- tokens of text
    assert models.of("own.pipeline") == ModelSettings(kind="pipeline", max_messages=2)
    assert models.of("m") is models.of("m.pipeline.v2") is TEXT
    assert Models(TEXT).of("m.pipeline") is TEXT


def test_a_pipeline_has_its_settings_under_either_of_its_names() -> None:
    few = ModelSettings(kind="pipeline", max_messages=2)
    model = ModelSettings(max_messages=3)
    models = Models(by_name={"a": few, "b.pipeline": few, "c": model}, seldon_mesh=True)
    assert models.of("a.pipeline") == few
    assert models.as_pipelines().of("b") == few
    assert models.of("c.pipeline") == PIPELINE  # a model may have the name of a pipeline
    assert models.of("c") is model


@pytest.mark.parametrize("names", [{"role": "x", "content": "x"}, {"content": ""}])
def test_tensors_that_cannot_be_told_apart_are_refused(names: Any) -> None:
    for field in ("inputs", "outputs"):
        with pytest.raises(ValueError, match=f"{field} must name each tensor once"):
            ModelSettings(**{field: names})


@pytest.mark.parametrize(
    ("number", "sent_on"), [(2**63 - 1, True), (2**63, False), (-(2**63), True)]
)
def test_a_pipeline_gets_only_numbers_of_64_bits(number: int, *, sent_on: bool) -> None:
    assert ("seed" in sent(chat, PIPELINE, seed=number)) is sent_on


def test_a_conversation_may_be_no_longer_than_the_model_allows() -> None:
    models = Models(ModelSettings(max_messages=2))
    messages = [{"role": "user", "content": "Hi"}] * 3
    chat.to_oip(json.dumps({"model": "m", "messages": messages[:2]}).encode(), None, models)
    with pytest.raises(ClientError) as caught:
        chat.to_oip(json.dumps({"model": "m", "messages": messages}).encode(), None, models)
    error = caught.value
    assert (error.status, error.code, error.param) == (400, "array_above_max_length", "messages")
    assert "maximum length 2, but got an array with length 3" in error.message


@pytest.mark.parametrize(
    "options", [{}, None, {"include_usage": False, "include_obfuscation": True}]
)
def test_a_model_may_be_asked_to_count_the_tokens_of_every_stream(options: Any) -> None:
    body = json.dumps({**CHAT, "stream": True, "stream_options": options}).encode()
    oip_body, inference = chat.to_oip(body, None, Models(ModelSettings(ask_usage=True)))
    asked = json.loads(oip_body)["parameters"]["llm_parameters"]["stream_options"]
    assert asked == {**(options or {}), "include_usage": True}
    assert not inference.include_usage  # the client is not shown what it did not ask for


@pytest.mark.parametrize("more", [{}, {"stream": False}])
def test_only_a_stream_is_asked_for_its_tokens(more: dict[str, Any]) -> None:
    parameters = sent(chat, ModelSettings(ask_usage=True), **more)
    assert "stream_options" not in parameters["llm_parameters"]


RENAMED = ModelSettings(
    inputs={"content": "text_input", "input": "text", "prompt": "text"},
    outputs={"content": "text_output", "embedding": "vector", "image": "picture"},
)


@pytest.mark.parametrize(
    ("endpoint", "name"), [(chat, "text_input"), (embeddings, "text"), (images, "text")]
)
def test_a_model_may_call_its_inputs_otherwise(endpoint: Any, name: str) -> None:
    body, _ = endpoint.to_oip(json.dumps(BODIES[endpoint]).encode(), None, Models(RENAMED))
    names = [tensor["name"] for tensor in json.loads(body)["inputs"]]
    assert names == (["role", name, "type"] if endpoint is chat else [name])


def answer_of(endpoint: Any, settings: ModelSettings, output: Any, **more: Any) -> Any:
    body = json.dumps(BODIES[endpoint] | more).encode()
    _, inference = endpoint.to_oip(body, None, Models(settings))
    answer = json.dumps({"outputs": [output]}).encode()
    if inference.streamed:
        stream = inference.stream()
        return stream.feed(b"data: %b\n\n" % answer) + stream.finish()
    return inference.from_oip(answer).body


@pytest.mark.parametrize(
    ("endpoint", "output", "said", "more"),
    [
        (chat, oip.text("text_output", "Hello"), b'"content":"Hello"', {}),
        (chat, oip.text("text_output", "Hello"), b'"content":"Hello"', {"stream": True}),
        (embeddings, oip.numbers("vector", 0.5, datatype="FP32"), b'"embedding":[0.5]', {}),
        (images, oip.text("picture", "iVBORw0KGgo="), b'"b64_json":"iVBORw0KGgo="', {}),
    ],
)
def test_a_model_may_call_its_outputs_otherwise(
    endpoint: Any, output: Any, said: bytes, more: dict[str, Any]
) -> None:
    assert said in answer_of(endpoint, RENAMED, output, **more)


def test_a_model_that_streams_unasked_may_call_its_outputs_otherwise() -> None:
    _, inference = chat.to_oip(json.dumps(CHAT).encode(), None, Models(RENAMED))
    event = b"data: %b\n\n" % json.dumps({"outputs": [oip.text("text_output", "Hel")]}).encode()
    assert b'"content":"HelHel"' in inference.from_events(event * 2).body


def test_a_url_may_say_that_it_is_a_pipelines() -> None:
    models = Models(TEXT, {"p": ModelSettings(max_messages=2)}).as_pipelines()
    assert models.of("p") == ModelSettings(kind="pipeline", max_messages=2)
    assert models.of("x") == ModelSettings("text", kind="pipeline")
