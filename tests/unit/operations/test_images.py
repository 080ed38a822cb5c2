"""Image generation: requests and responses."""

import base64
import json
from typing import Any

import pytest

from tests import oip
from tests.unit.events import data_of, event, stream
from tests.unit.translating import NOW, accept, complete
from translator.errors import ClientError, UpstreamError
from translator.openai.parameters import IMAGES_PARAMETERS
from translator.operations.base import Inference
from translator.operations.events import split
from translator.operations.images import IMAGES
from translator.tasks.repair import Repair


def ask(**fields: Any) -> Inference:
    return accept(IMAGES, {"model": "m", "prompt": "a", **fields})


def asked(body: bytes) -> bytes:
    """What the model server gets for a request."""
    return accept(IMAGES, body).request.body


def events(document: Any) -> list[Any]:
    output = complete(ask(stream=True), oip.provided(document))
    return [json.loads(data) for data in data_of(output)]


def test_the_prompt_becomes_a_tensor_and_the_rest_parameters() -> None:
    inference = accept(IMAGES, b'{"model":"m","n":2,"prompt":"a cat","size":"1x1"}')
    assert json.loads(inference.request.body) == {
        "inputs": [{"name": "prompt", "shape": [1], "datatype": "BYTES", "data": ["a cat"]}],
        "parameters": {"llm_parameters": {"n": 2, "size": "1x1"}},
    }
    assert (inference.model, inference.as_events) == ("m", False)


def test_the_url_alone_may_name_the_model() -> None:
    inference = accept(IMAGES, b'{"prompt":"a cat"}', model_in_url="dall-e")
    assert inference.model == "dall-e"


def refused(**body: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        accept(IMAGES, body)
    assert caught.value.status == 400
    return caught.value


def test_every_parameter_travels_to_the_digit_and_in_its_order() -> None:
    parameters = (
        b'"background":"auto","moderation":"low","n":10,"output_compression":100,'
        b'"output_format":"webp","partial_images":3,"quality":"hd","response_format":"b64_json",'
        b'"size":"1024x1024","stream":false,"style":"vivid","user":"u","seed":9007199254740993,'
        b'"guidance":7.50,"own":{"b":1e-7,"a":null}'
    )
    body = asked(b'{"model":"m",%b,"prompt":"a cat"}' % parameters)
    assert body.endswith(b'"parameters":{"llm_parameters":{%b}}}' % parameters)


@pytest.mark.parametrize("n", range(1, 11))
def test_up_to_ten_images_may_be_asked_for(n: int) -> None:
    body = asked(b'{"model":"m","prompt":"a","n":%d}' % n)
    assert json.loads(body)["parameters"]["llm_parameters"] == {"n": n}


@pytest.mark.parametrize(
    ("name", "value", "code", "part"),
    [
        ("n", 0, "integer_below_min_value", "below minimum value. Expected a value >= 1"),
        ("n", -1, "integer_below_min_value", "Expected a value >= 1, but got -1 instead."),
        ("n", 11, "integer_above_max_value", "above maximum value. Expected a value <= 10"),
        ("n", "2", "invalid_type", "expected an integer, but got a string"),
        ("n", 1.5, "invalid_type", "expected an integer, but got a decimal number"),
        ("output_compression", 101, "integer_above_max_value", "<= 100, but got 101"),
        ("output_compression", -1, "integer_below_min_value", ">= 0, but got -1"),
        ("partial_images", 4, "integer_above_max_value", "<= 3, but got 4"),
        ("prompt", None, "missing_required_parameter", "Missing required parameter: 'prompt'."),
        ("prompt", ["a"], "invalid_type", "expected a string, but got an array"),
        ("prompt", "", "empty_string", "Expected a string with minimum length 1"),
        ("stream", "x", "invalid_type", "expected a boolean, but got a string"),
        ("background", 7, "invalid_type", "expected a string, but got an integer"),
        ("moderation", 7, "invalid_type", "expected a string, but got an integer"),
        ("output_format", 7, "invalid_type", "expected a string, but got an integer"),
        ("quality", 7, "invalid_type", "expected a string, but got an integer"),
        ("response_format", 7, "invalid_type", "expected a string, but got an integer"),
        ("size", 7, "invalid_type", "expected a string, but got an integer"),
        ("style", {}, "invalid_type", "expected a string, but got an object"),
        ("user", True, "invalid_type", "expected a string, but got a boolean"),
    ],
)
def test_what_openai_refuses_is_refused_and_named(
    name: str, value: Any, code: str, part: str
) -> None:
    error = refused(**{"model": "m", "prompt": "a", name: value})
    assert (error.param, error.code) == (name, code)
    assert part in error.message
    assert f"'{name}'" in error.message


def test_a_prompt_must_be_there() -> None:
    error = refused(model="m")
    assert (error.param, error.code) == ("prompt", "missing_required_parameter")


def test_a_model_must_be_named() -> None:
    error = refused(prompt="a")
    assert error.message == "you must provide a model parameter"
    assert (error.param, error.code) == (None, None)


@pytest.mark.parametrize("name", sorted(IMAGES_PARAMETERS))
def test_every_parameter_may_be_null(name: str) -> None:
    body = asked(b'{"model":"m","prompt":"a","%b":null}' % name.encode())
    assert json.loads(body)["parameters"]["llm_parameters"] == {name: None}


@pytest.mark.parametrize(
    ("wanted", "as_url"), [('"url"', True), ('"b64_json"', False), ("null", False)]
)
def test_the_requested_response_format_is_kept(wanted: str, *, as_url: bool) -> None:
    inference = ask(response_format=json.loads(wanted))
    [image] = json.loads(complete(inference, oip.response(oip.text("image", PNG))))["data"]
    assert image == ({"url": URL} if as_url else {"b64_json": PNG})


@pytest.mark.parametrize("as_events", [True, False])
def test_a_stream_is_not_requested_from_upstream(*, as_events: bool) -> None:
    inference = ask(stream=as_events)
    assert inference.as_events is as_events
    assert inference.request.path == "/v2/models/m/infer"
    assert not inference.request.streamed
    assert inference.stream is None


def test_a_providers_answer_passes_untouched_but_compact() -> None:
    own = '{\n "created": 7,\n "data": [{"b64_json": "AA=="}]\n}'
    body = json.dumps(oip.response(oip.text("output_all", own))).encode()
    compact = b'{"created":7,"data":[{"b64_json":"AA=="}]}'
    assert ask().complete([body]).body == compact


def test_every_image_becomes_a_completed_event() -> None:
    common: dict[str, Any] = {
        "background": "opaque",
        "output_format": "png",
        "quality": "high",
        "size": "1x1",
        "usage": USAGE | {"more": 1},
    }
    images = [{"b64_json": "AA=="}, {"url": "data:image/png;base64,BB=="}]
    assert events({"created": 7, "data": images, **common}) == [
        {
            "type": "image_generation.completed",
            "b64_json": data,
            "created_at": 7,
            **common,
        }
        for data in ("AA==", "BB==")
    ]


UNTOLD: dict[str, Any] = {
    "type": "image_generation.completed",
    "b64_json": "AA==",
    "created_at": 7,
    "background": "auto",
    "output_format": "png",
    "quality": "auto",
    "size": "auto",
    "usage": {
        "input_tokens": 0,
        "output_tokens": 0,
        "total_tokens": 0,
        "input_tokens_details": {"text_tokens": 0, "image_tokens": 0},
    },
}


@pytest.mark.parametrize("names", [(), ("background", "output_format", "quality", "size", "usage")])
def test_an_event_has_every_field_even_if_unknown(names: tuple[str, ...]) -> None:
    own = {"created": 7, "data": [{"b64_json": "AA=="}], "extra": 1} | dict.fromkeys(names)
    assert events(own) == [UNTOLD]


def test_the_clients_values_are_used_if_the_server_has_none() -> None:
    asked = {"size": "512x512", "quality": "low", "background": "opaque", "output_format": "webp"}
    own = oip.provided({"created": 7, "data": [{"b64_json": "AA=="}], "size": "1x1"})
    [data] = data_of(complete(ask(stream=True, **asked), own))
    assert json.loads(data) == UNTOLD | asked | {"size": "1x1"}


def test_values_that_openai_does_not_have_are_not_used() -> None:
    own = oip.provided({"created": 7, "data": [{"b64_json": "AA=="}], "quality": "hd"})
    [data] = data_of(complete(ask(stream=True, quality="standard", output_format="gif"), own))
    assert json.loads(data) == UNTOLD


def test_counts_that_a_usage_lacks_are_zeros() -> None:
    own = {"created": 7, "data": [{"b64_json": "AA=="}], "usage": {"input_tokens": 3}}
    [found] = events(own)
    assert found["usage"] == USAGE | {"output_tokens": 0, "total_tokens": 3}


def test_a_stream_of_urls_is_refused_before_the_model_is_asked() -> None:
    error = refused(model="m", prompt="a", stream=True, response_format="url")
    assert (error.param, error.code) == ("response_format", "invalid_value")


@pytest.mark.parametrize(
    "image", [{}, {"url": "https://example.com/a.png"}, {"url": "https://a/;base64,AA"}]
)
def test_a_link_cannot_be_streamed(image: dict[str, str]) -> None:
    with pytest.raises(UpstreamError, match="link to an image"):
        events({"created": 7, "data": [image]})


@pytest.mark.parametrize("document", [{}, {"data": 7}, {"data": [7]}])
def test_events_need_images(document: Any) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        events(document)


@pytest.mark.parametrize("as_events", [True, False])
@pytest.mark.parametrize("body", [b"{}", b"oops", b'{"outputs":[{"name":"image","data":["x"]}]}'])
def test_an_answer_without_an_image_is_upstreams_fault(body: bytes, *, as_events: bool) -> None:
    with pytest.raises(UpstreamError, match="could not be understood") as caught:
        ask(stream=as_events).complete([body])
    assert (caught.value.status, caught.value.repeats) == (502, True)


# --- Images in tensors ----------------------------------------------------------------------------

PNG = "iVBORw0KGgo="
URL = f"data:image/png;base64,{PNG}"


def made(*outputs: dict[str, Any], inference: Inference | None = None, **extra: Any) -> bytes:
    return complete(inference or ask(), oip.response(*outputs, **extra))


def test_images_in_a_tensor_become_openais_answer() -> None:
    answer = json.loads(made(oip.text("image", PNG, "https://example.com/a.png")))
    assert answer == {
        "created": NOW,
        "data": [{"b64_json": PNG}, {"url": "https://example.com/a.png"}],
    }


def test_created_is_the_time_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    inference = ask()
    monkeypatch.setattr("time.time", lambda: NOW + 60.0)
    assert json.loads(made(oip.text("image", PNG), inference=inference))["created"] == NOW


def test_a_url_is_made_where_one_is_wanted() -> None:
    inference = ask(response_format="url")
    answer = json.loads(made(oip.text("image", PNG), inference=inference))
    assert answer["data"] == [{"url": URL}]


USAGE = {
    "input_tokens": 3,
    "output_tokens": 9,
    "total_tokens": 12,
    "input_tokens_details": {"text_tokens": 3, "image_tokens": 0},
}


@pytest.mark.parametrize(
    "names",
    [
        ("prompt_tokens", "completion_tokens"),
        ("num_input_tokens", "num_output_tokens"),
        ("input_tokens", "output_tokens"),
    ],
)
@pytest.mark.parametrize("as_tensors", [True, False])
def test_counts_of_tokens_become_the_usage(names: tuple[str, str], *, as_tensors: bool) -> None:
    counts = dict(zip(names, (3, 9), strict=True))
    image = oip.text("image", PNG)
    if as_tensors:
        numbers = [
            {"name": name, "shape": [1], "datatype": "INT64", "data": [count]}
            for name, count in counts.items()
        ]
        answer = made(image, *numbers)
    else:
        answer = made(image, parameters=counts)
    assert json.loads(answer)["usage"] == USAGE


@pytest.mark.parametrize("parameters", [{}, {"input_tokens": 3}, {"output_tokens": 9}])
def test_half_a_usage_is_none(parameters: dict[str, int]) -> None:
    assert "usage" not in json.loads(made(oip.text("image", PNG), parameters=parameters))


def test_a_usage_nested_beyond_reason_is_none() -> None:
    deep = oip.text("usage", '{"a":' + "[" * 100_000)
    assert "usage" not in json.loads(made(oip.text("image", PNG), deep))


# --- The form that the client wants ---------------------------------------------------------------

DATA = {
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\xff\x80",
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
    "webp": b'RIFF\x24\x00\x00\x00WEBPVP8 "\\\xfe',
    "gif": b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff",
}


@pytest.mark.parametrize(
    ("field", "given", "expected", "kind"),
    [
        ("created", 7.5, 7, Repair.HEAD),
        ("created", "now", NOW, Repair.HEAD),
        ("background", "auto", None, Repair.HEAD),
        ("output_format", "tiff", None, Repair.HEAD),
        ("quality", "hd", None, Repair.HEAD),
        ("size", 1024, None, Repair.HEAD),
        ("usage", {"input_tokens": 3, "output_tokens": 9.0}, USAGE, Repair.USAGE),
        ("usage", {**USAGE, "input_tokens_details": {"text_tokens": 3}}, USAGE, Repair.USAGE),
    ],
)
def test_fields_that_sdks_would_refuse_are_repaired(
    field: str, given: Any, expected: Any, kind: Repair
) -> None:
    own = {"x": 1, "created": 7, "data": [{"b64_json": "AA==", "y": 2}], field: given}
    response = ask().complete([json.dumps(oip.provided(own)).encode()])
    said = json.loads(response.body)
    assert said.pop(field, None) == expected
    assert said == {name: value for name, value in own.items() if name != field}
    assert response.repairs == {kind}


@pytest.mark.parametrize("data", [[1], ["AA=="], [{"b64_json": 1}]])
def test_something_else_than_images_is_an_upstream_error(data: Any) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        complete(ask(), oip.provided({"data": data}))


UNKNOWN = base64.b64encode(b"\x00\x00\x00\x1cftypavif").decode()

every_format = pytest.mark.parametrize(("name", "data"), DATA.items())


def image(element: str, *, as_url: bool = False) -> Any:
    """The image that a client gets for an element of a tensor."""
    inference = ask(response_format="url" if as_url else "b64_json")
    [found] = json.loads(made(oip.text("image", element), inference=inference))["data"]
    return found


@every_format
def test_a_data_url_becomes_base64(name: str, data: bytes) -> None:
    encoded = base64.b64encode(data).decode()
    assert image(f"data:image/{name};base64,{encoded}") == {"b64_json": encoded}


@every_format
@pytest.mark.parametrize("form", ["base64", "characters", "data URL"])
def test_a_url_has_the_media_type_of_the_image(name: str, data: bytes, form: str) -> None:
    encoded = base64.b64encode(data).decode()
    url = f"data:image/{name};base64,{encoded}"
    forms = {"base64": encoded, "characters": data.decode("latin-1"), "data URL": url}
    assert image(forms[form], as_url=True) == {"url": url}


def test_an_image_of_an_unknown_kind_is_called_a_png() -> None:
    assert image(UNKNOWN, as_url=True) == {"url": f"data:image/png;base64,{UNKNOWN}"}


def test_a_data_url_keeps_its_own_kind() -> None:
    url = f"data:image/avif;base64,{UNKNOWN}"
    assert image(url, as_url=True) == {"url": url}


@pytest.mark.parametrize("as_url", [True, False])
@pytest.mark.parametrize("url", ["https://example.com/a.png?b=c", "http://minio/x"])
def test_a_link_stays_a_link(url: str, *, as_url: bool) -> None:
    assert image(url, as_url=as_url) == {"url": url}


# --- Streams --------------------------------------------------------------------------------------


def test_images_in_a_tensor_become_events() -> None:
    output = made(oip.text("image", PNG, "AAAA"), inference=ask(stream=True))
    assert [json.loads(data) for data in data_of(output)] == [
        UNTOLD | {"b64_json": data, "created_at": NOW} for data in (PNG, "AAAA")
    ]


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_an_event_says_what_format_its_image_has(name: str) -> None:
    encoded = base64.b64encode(DATA[name]).decode()
    output = made(oip.text("image", encoded), inference=ask(stream=True, output_format="png"))
    assert json.loads(data_of(output)[0])["output_format"] == name


def test_a_link_in_a_tensor_cannot_be_streamed() -> None:
    inference = ask(stream=True)
    with pytest.raises(UpstreamError, match="link to an image"):
        made(oip.text("url", "https://example.com/a.png"), inference=inference)


def test_counts_of_tokens_are_in_every_event() -> None:
    inference = ask(stream=True)
    counts = {"input_tokens": 3, "output_tokens": 9}
    for data in data_of(made(oip.text("image", PNG), inference=inference, parameters=counts)):
        assert json.loads(data)["usage"] == USAGE


def test_a_providers_usage_is_kept_to_the_digit() -> None:
    usage = (
        '{"total_tokens":9007199254740993,"x":1e-7,"a":[],"input_tokens":1,"output_tokens":2,'
        '"input_tokens_details":{"text_tokens":1,"image_tokens":0}}'
    )
    own = f'{{"created":7,"data":[{{"b64_json":"AA=="}}],"usage":{usage}}}'
    output = made(oip.text("output_all", own), inference=ask(stream=True))
    assert f'"usage":{usage}}}' in output.decode()


@pytest.mark.parametrize(
    ("more", "created"), [("", NOW), (',"created":null', NOW), (',"created":7.5', 7)]
)
def test_an_event_has_a_time_also_where_the_provider_gives_none(more: str, created: int) -> None:
    own = oip.text("output_all", f'{{"data":[{{"b64_json":"AA=="}}]{more}}}')
    [data] = data_of(made(own, inference=ask(stream=True)))
    assert json.loads(data)["created_at"] == created


def test_a_stream_of_no_images_is_upstreams_fault() -> None:
    with pytest.raises(UpstreamError):
        events({"created": 7, "data": []})


# --- Events nobody asked for ----------------------------------------------------------------------

ONE = oip.response(oip.text("image", PNG))


@pytest.mark.parametrize("as_events", [True, False])
@pytest.mark.parametrize("body", [event(ONE), event(ONE) + b"data: [DONE]\n\n"])
def test_an_answer_in_one_event_is_the_answer(body: bytes, *, as_events: bool) -> None:
    inference = ask(stream=as_events)
    assert inference.complete(split(body, b"[DONE]")).body == complete(inference, ONE)


@pytest.mark.parametrize("body", [b"", b": ping\n\n", b"data: [DONE]\n\n", stream(ONE, ONE)])
def test_an_answer_in_no_event_or_in_several_is_upstreams_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        ask().complete(split(body, b"[DONE]"))


@pytest.mark.parametrize("as_events", [False, True])
def test_a_providers_token_counts_are_recorded(*, as_events: bool) -> None:
    usage = {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}
    document = oip.provided({"data": [{"b64_json": "AA=="}], "usage": usage})
    answer = ask(stream=as_events).complete([json.dumps(document).encode()])
    assert (answer.tokens, answer.model) == ((7, 5), "chat_1")
