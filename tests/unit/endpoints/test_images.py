"""Image generation, both ways."""

import json
from typing import Any

import pytest

from tests import oip
from tests.unit.events import data_of
from translator.endpoints.images import IMAGES, ImagesInference, to_oip
from translator.errors import ClientError, UpstreamError


def answer(document: Any) -> bytes:
    return json.dumps(oip.response(oip.text("output_all", json.dumps(document)))).encode()


def events(document: Any) -> list[Any]:
    output = ImagesInference("m", as_events=True).from_oip(answer(document))
    return [json.loads(data) for data in data_of(output)]


def test_the_prompt_becomes_a_tensor_and_the_rest_parameters() -> None:
    body, inference = to_oip(b'{"model":"m","n":2,"prompt":"a cat","size":"1x1"}', None)
    assert json.loads(body) == {
        "inputs": [{"name": "prompt", "shape": [1], "datatype": "BYTES", "data": ["a cat"]}],
        "parameters": {"llm_parameters": {"n": 2, "size": "1x1"}},
    }
    assert inference == ImagesInference("m")


def test_the_url_alone_may_name_the_model() -> None:
    assert to_oip(b'{"prompt":"a cat"}', "dall-e")[1].model == "dall-e"


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"prompt": "a"}, "model", "missing_required_parameter"),
        ({"model": "m"}, "prompt", "missing_required_parameter"),
        ({"model": "m", "prompt": ["a"]}, "prompt", "invalid_type"),
        ({"model": "m", "prompt": "a", "stream": "x"}, "stream", "invalid_type"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        to_oip(json.dumps(body).encode(), None)
    error = caught.value
    assert (error.status, error.param, error.code) == (400, param, code)


@pytest.mark.parametrize(
    ("stream", "kind"), [("true", "text/event-stream"), ("false", "application/json")]
)
def test_a_stream_is_made_here_and_not_asked_of_upstream(stream: str, kind: str) -> None:
    _, inference = to_oip(b'{"model":"m","prompt":"a","stream":%b}' % stream.encode(), None)
    assert inference.media_type == kind
    assert not inference.streamed
    with pytest.raises(NotImplementedError):
        inference.stream()


def test_a_providers_answer_passes_untouched_but_compact() -> None:
    own = '{\n "created": 7,\n "data": [{"b64_json": "AA=="}]\n}'
    body = json.dumps(oip.response(oip.text("output_all", own))).encode()
    compact = b'{"created":7,"data":[{"b64_json":"AA=="}]}'
    assert ImagesInference("m").from_oip(body) == compact


def test_every_image_becomes_a_completed_event() -> None:
    common: dict[str, Any] = {
        "background": "opaque",
        "output_format": "png",
        "quality": "high",
        "size": "1x1",
        "usage": {"total_tokens": 3, "input_tokens_details": {"text_tokens": 1}},
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


def test_an_event_leaves_out_what_is_not_known() -> None:
    assert events({"created": 7, "data": [{"b64_json": "AA=="}], "extra": 1}) == [
        {"type": "image_generation.completed", "b64_json": "AA==", "created_at": 7}
    ]


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
def test_an_answer_without_output_all_is_upstreams_fault(body: bytes, *, as_events: bool) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        ImagesInference("m", as_events=as_events).from_oip(body)


def test_an_inference_can_be_made_without_a_request() -> None:
    assert IMAGES.inference("m", True) == ImagesInference("m")  # noqa: FBT003 -- the interface
