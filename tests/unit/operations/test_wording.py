"""Errors of the model server, completed with facts of the request."""

import json

import pytest

from tests import oip
from tests.unit.events import event
from tests.unit.translating import HELLO, accept, chat
from translator.errors import TranslatorError, UpstreamError
from translator.operations.base import Inference, Operation
from translator.operations.chat.operation import CHAT
from translator.operations.embeddings.operation import EMBEDDINGS
from translator.operations.images import IMAGES
from translator.provider_errors import of_message

URL = "https://example.com/a.png?x=1"
TOO_LONG = "prompt is too long: 210000 tokens > 200000 maximum"
BODIES = {
    "messages": (CHAT, {"model": "m", "messages": [HELLO]}),
    "input": (EMBEDDINGS, {"model": "m", "input": "a"}),
    "prompt": (IMAGES, {"model": "m", "prompt": "a"}),
}


def shows(url: str, *, escaped: bool = False) -> Inference:
    """A conversation about the picture at an URL."""
    part = {"type": "image_url", "image_url": {"url": url}}
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": [part]}]})
    return accept(CHAT, (body.replace("/", r"\/") if escaped else body).encode())


def told(inference: Inference, message: str) -> TranslatorError:
    error = of_message(message, "The model server failed.")
    inference.wording.apply(error)
    return error


@pytest.mark.parametrize("param", BODIES)
def test_a_request_that_is_too_long_names_the_field_of_its_operation(param: str) -> None:
    operation: Operation
    operation, body = BODIES[param]
    error = told(accept(operation, body), TOO_LONG)
    assert (error.status, error.code, error.param) == (400, "context_length_exceeded", param)


def test_a_field_that_the_provider_names_stays() -> None:
    error = of_message(TOO_LONG, "", param="messages[3]")
    chat().wording.apply(error)
    assert error.param == "messages[3]"


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize(
    "message", [f"Cannot load {URL}.", f"Cannot load '{URL}': 404", f"({URL}) is no image"]
)
def test_a_message_with_a_url_of_the_request_is_shown(message: str, *, escaped: bool) -> None:
    assert told(shows(URL, escaped=escaped), message).message == message


@pytest.mark.parametrize("slashes", [0, 1, 31, 32, 33, 1000])
@pytest.mark.parametrize("escaped", [False, True])
def test_a_url_is_found_after_any_number_of_slashes(slashes: int, *, escaped: bool) -> None:
    text = "a/b " * slashes + f"see {URL} and so on"
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]})
    inference = accept(CHAT, (body.replace("/", r"\/") if escaped else body).encode())
    assert inference.wording.urls == {URL}


@pytest.mark.parametrize("text", ["", "/", "a/b", "a/b " * 100, "//", ":/"])
def test_other_text_is_not_kept_as_a_url(text: str) -> None:
    assert not chat(messages=[{"role": "user", "content": text}]).wording.urls


@pytest.mark.parametrize(
    "message",
    [
        "Cannot load https://example.com/b.png",
        f"Cannot load {URL}&token=s3cret",
        f"Cannot load {URL} through http://proxy.internal/x",
        f"Cannot load {URL} from 10.0.0.7",
        f"Cannot write {URL} to /mnt/models/x",
    ],
)
def test_a_message_with_other_details_is_not_shown(message: str) -> None:
    assert told(shows(URL), message).message == "The model server failed."


@pytest.mark.parametrize("prefix", ["http://10.0.0.7", "http://10.0.0.7/"])
def test_a_prefix_of_a_url_does_not_match(prefix: str) -> None:
    error = told(shows(prefix), "cannot read http://10.0.0.7/secret")
    assert error.message == "The model server failed."


def test_errors_in_streams_are_completed_too() -> None:
    inference = chat(stream=True)
    assert inference.stream is not None
    stream = inference.stream(1 << 20)
    events = stream.feed(event({"error": f"[request id: 7f] {TOO_LONG}"}))
    assert json.loads(events.split(b"\n\n")[0].removeprefix(b"data: ")) == {
        "error": {
            "message": TOO_LONG,
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
    }


FLAT = {"object": "error", "message": "bad input", "type": "BadRequestError", "code": 400}


@pytest.mark.parametrize("own", [FLAT, {"message": "bad input", "code": 400}])
def test_errors_without_an_envelope_are_shown(own: dict[str, object]) -> None:
    if "object" not in own:
        with pytest.raises(UpstreamError, match="bad input"):
            chat().complete([json.dumps(oip.provided(own)).encode()])
        return
    for document in (oip.provided(own), own):
        with pytest.raises(UpstreamError) as caught:
            chat().complete([json.dumps(document).encode()])
        assert (caught.value.message, caught.value.status) == ("bad input", 400)
