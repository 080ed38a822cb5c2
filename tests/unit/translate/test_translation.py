"""Translation without Envoy."""

import json
from typing import Any

import msgspec
import pytest

from tests import oip
from tests.unit.events import documents_of, event
from tests.unit.translating import accept
from translator.exchange.settings import ExchangeSettings
from translator.operations.chat.operation import CHAT as CHAT_COMPLETIONS
from translator.translate import translation

CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
UNARY = json.dumps(ASK).encode()
STREAMED = json.dumps({**ASK, "stream": True}).encode()
ANSWER = json.dumps(oip.answer("Hi")).encode()
EVENTS = event(oip.answer("Hi"))


def plain(outcome: translation.Outcome) -> tuple[Any, bool]:
    """The outcome as whoever reads its JSON sees it."""
    document, succeeded = outcome
    return json.loads(msgspec.json.encode(document)), succeeded


def response(*arguments: Any, **options: Any) -> tuple[Any, bool]:
    return plain(translation.translate_response(*arguments, **options))


def test_a_request() -> None:
    document, succeeded = plain(translation.translate_request(CHAT, UNARY))
    assert succeeded
    assert (document["method"], document["path"]) == ("POST", "/v2/models/m/infer")
    assert document["body"] == json.loads(accept(CHAT_COMPLETIONS, UNARY).request.body)
    assert document["headers"]["seldon-model"] == "m"
    assert not any(name.startswith(":") for name in document["headers"])


def test_a_request_in_any_url_form() -> None:
    path = "/v2/models/m/versions/2/infer/chat/completions"
    document, _ = plain(translation.translate_request(path, STREAMED))
    assert document["path"] == "/v2/models/m/versions/2/infer_stream"


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/nothing", UNARY, "unknown_url"),
        ("/", UNARY, "unknown_url"),
        ("/v2/models/m/infer", UNARY, "unknown_url"),
        (CHAT, b'{"model":"m"}', "missing_required_parameter"),
        (CHAT, b"", None),
        (CHAT, b"oops", None),
    ],
)
def test_a_request_that_is_refused(path: str, body: bytes, code: str | None) -> None:
    document, succeeded = plain(translation.translate_request(path, body))
    assert not succeeded
    assert set(document) == {"error"}
    assert document["error"]["code"] == code


@pytest.mark.parametrize("request_", [None, UNARY])
def test_an_answer(request_: bytes | None) -> None:
    document, succeeded = response(CHAT, ANSWER, request=request_)
    assert succeeded
    assert document["status"] == 200
    assert document["headers"]["content-type"] == "application/json"
    assert document["body"]["choices"][0]["message"]["content"] == "Hi"
    assert document["body"]["model"] == ("m" if request_ else "chat_1")


def test_an_answer_to_a_url_that_names_the_model() -> None:
    document, _ = response("/v2/models/mine/infer/chat/completions", ANSWER)
    assert document["body"]["model"] == "mine"


@pytest.mark.parametrize(
    "options", [{"request": STREAMED}, {"content_type": "text/event-stream; charset=utf-8"}]
)
def test_a_stream_is_a_string_of_events(options: dict[str, Any]) -> None:
    document, succeeded = response(CHAT, EVENTS, **options)
    assert succeeded
    assert document["status"] == 200
    assert document["headers"]["content-type"].startswith("text/event-stream")
    documents = documents_of(document["body"].encode())
    assert [chunk["model"] for chunk in documents] == [
        "m" if "request" in options else "chat_1"
    ] * 2


def test_a_response_without_a_name_is_of_some_model() -> None:
    document, succeeded = response(
        CHAT, json.dumps({**oip.answer("Hi"), "model_name": ""}).encode()
    )
    assert succeeded
    assert document["body"]["model"] == "model"


def test_events_for_a_request_that_asked_for_none_are_one_answer() -> None:
    document, succeeded = response(CHAT, EVENTS, request=UNARY, content_type="text/event-stream")
    assert succeeded
    assert document["headers"]["content-type"] == "application/json"
    assert document["body"]["choices"][0]["message"]["content"] == "Hi"


def test_one_answer_for_a_request_that_asked_for_events_is_a_stream() -> None:
    document, succeeded = response(CHAT, ANSWER, request=STREAMED, content_type="application/json")
    assert succeeded
    assert document["headers"]["content-type"] == "text/event-stream; charset=utf-8"
    assert document["headers"]["content-length"] == str(len(document["body"].encode()))
    assert len(documents_of(document["body"].encode())) == 2


@pytest.mark.parametrize("request_", [None, UNARY])
def test_an_answer_has_openais_headers(request_: bytes | None) -> None:
    headers = response(CHAT, ANSWER, request=request_)[0]["headers"]
    assert headers["openai-version"] == "2020-10-01"
    assert headers["x-request-id"].startswith("req_")
    assert headers["openai-processing-ms"].isdecimal()
    assert "x-should-retry" not in headers


def test_an_error_that_a_retry_cannot_fix_says_so() -> None:
    headers = response(CHAT, b"garbage", request=UNARY)[0]["headers"]
    assert (headers["x-should-retry"], headers["x-envoy-ratelimited"]) == ("false", "true")


def test_images_that_were_to_be_streamed_are_a_string_of_events() -> None:
    body = json.dumps(oip.response(oip.text("image", "AAAA"))).encode()
    asked = b'{"model":"m","prompt":"a","stream":true}'
    document, succeeded = response("/v1/images/generations", body, request=asked)
    assert succeeded
    assert document["body"].startswith('data: {"type":"image_generation.completed"')


def test_a_stream_with_an_error_in_it_has_failed() -> None:
    body = EVENTS + event({"error": "CUDA out of memory"})
    document, succeeded = response(CHAT, body, request=STREAMED)
    assert not succeeded
    assert documents_of(document["body"].encode())[-1]["error"]["message"] == "CUDA out of memory"


def test_text_about_errors_is_not_an_error() -> None:
    body = event(oip.answer('data: {"error":'))
    _, succeeded = response(CHAT, body, request=STREAMED)
    assert succeeded


@pytest.mark.parametrize(
    ("body", "options", "status"),
    [
        (b"garbage", {}, 502),
        (b"", {}, 502),
        (b"", {"request": STREAMED}, 502),
        (b"garbage", {"request": STREAMED, "content_type": "application/json"}, 502),
        (b"data: garbage\n\n", {"request": UNARY, "content_type": "text/event-stream"}, 502),
    ],
)
def test_an_answer_that_cannot_be_translated_has_failed(
    body: bytes, options: dict[str, Any], status: int
) -> None:
    document, succeeded = response(CHAT, body, **options)
    assert not succeeded
    assert document["status"] == status
    assert set(document["body"]) == {"error"}


def test_an_error_of_upstreams_is_translated_faithfully() -> None:
    document, succeeded = response(CHAT, b'{"error":"bad tensor"}', status=400)
    assert succeeded
    assert document["status"] == 400
    assert document["body"]["error"]["message"] == "bad tensor"


@pytest.mark.parametrize(
    ("path", "request_"),
    [("/", None), ("/v1/nothing", None), ("/", UNARY), (CHAT, b"oops")],
)
def test_an_answer_to_a_request_at_fault_is_that_requests_error(
    path: str, request_: bytes | None
) -> None:
    document, succeeded = response(path, ANSWER, request=request_)
    assert not succeeded
    assert set(document) == {"error"}


DEFAULT = ExchangeSettings(default_model={"chat/completions": "own"})
NAMELESS = {name: value for name, value in ASK.items() if name != "model"}


def test_a_request_that_names_no_model_is_one_for_the_default() -> None:
    body = json.dumps(NAMELESS).encode()
    document, succeeded = plain(translation.translate_request(CHAT, body, DEFAULT))
    assert succeeded
    assert document["path"] == "/v2/models/own/infer"


@pytest.mark.parametrize(("names", "model"), [({}, "own"), ({"model_name": "m"}, "m")])
def test_without_its_request_a_response_that_names_no_model_is_the_defaults(
    names: dict[str, str], model: str
) -> None:
    answer = {key: value for key, value in oip.answer("Hi").items() if key != "model_name"}
    document, _ = response(CHAT, json.dumps(answer | names).encode(), DEFAULT)
    assert document["body"]["model"] == model
