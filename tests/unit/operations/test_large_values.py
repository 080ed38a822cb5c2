"""Extraction of images, audio and files."""

import base64
import json
import random
import tracemalloc
from typing import Any
from unittest import mock

import pytest

from tests import oip
from tests.unit.translating import accept
from translator.errors import ClientError
from translator.operations import large_values
from translator.operations.base import Inference
from translator.operations.chat.operation import CHAT
from translator.operations.images import IMAGES
from translator.operations.large_values import IN_IMAGES, IN_MESSAGES

BYTES = random.Random(1).randbytes(90_000)  # noqa: S311 -- the same each time is what is wanted
BASE64 = base64.b64encode(BYTES).decode()
URL = f"data:image/png;base64,{BASE64}"
NARROW = (",", ":")


def picture(url: str = URL) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, "detail": "low"}}


def chat(*parts: Any, **more: Any) -> dict[str, Any]:
    question = {"type": "text", "text": 'Was ist "das"? Grüße'}
    messages = [{"role": "user", "content": [question, *parts]}]
    return {"model": "m", "messages": messages, **more}


def translated(body: bytes) -> bytes:
    return accept(CHAT, body).request.body


def whole(body: bytes) -> bytes:
    """The translation of a request from which nothing is taken out."""
    with mock.patch.object(large_values, "extract", lambda body, _field: (body, ())):
        return translated(body)


def draw(*, stream: bool = False) -> Inference:
    return accept(IMAGES, {"model": "m", "prompt": "a", "stream": stream})


SOUND = {"type": "input_audio", "input_audio": {"data": BASE64, "format": "wav"}}
FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": URL}}


@pytest.mark.parametrize("parts", [[picture()], [SOUND], [FILE], [picture(), SOUND, FILE]])
@pytest.mark.parametrize("separators", [NARROW, (", ", ": ")])
@pytest.mark.parametrize("before", [[], [{"role": "system", "content": "Be brief."}]])
def test_a_translation_is_the_same_with_extracted_values(
    parts: list[Any], separators: tuple[str, str], before: list[Any]
) -> None:
    document = chat(*parts)
    document["messages"] = [*before, *document["messages"]]
    body = json.dumps(document, separators=separators, ensure_ascii=False).encode()
    small, values = large_values.extract(body, IN_MESSAGES)
    assert len(values) == len(parts)
    assert len(small) < 2000
    assert large_values.restore(small, values) == body
    assert translated(body) == whole(body)


def test_a_value_in_two_places_is_restored_in_both() -> None:
    body = json.dumps(chat(reference={"url": URL}), separators=NARROW).encode()
    assert len(large_values.extract(body, IN_MESSAGES)[1]) == 1
    found = translated(body)
    assert found == whole(body)
    assert found.count(URL.encode()) == 2


def test_values_in_nested_json_are_extracted() -> None:
    text = json.dumps({"image_url": {"url": URL}, "x": 1})
    body = json.dumps(chat({"type": "text", "text": text})).encode()
    assert len(large_values.extract(body, IN_MESSAGES)[1]) == 1
    assert translated(body) == whole(body)


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64,AAAA",
        f"https://example.com/?q=a b{BASE64}",
        f"{URL}\n",
        f"{URL}\x7f",
        f"é{URL}",
        f"\\{URL}",
        URL.replace("/", "\\/"),
    ],
)
def test_small_values_and_other_text_stay(url: str) -> None:
    body = json.dumps(chat(picture(url)), ensure_ascii=False).encode()
    assert large_values.extract(body, IN_MESSAGES) == (body, ())
    assert translated(body) == whole(body)


def test_a_value_ends_before_an_escape() -> None:
    body = json.dumps(chat(picture(f'{URL}"{URL}'))).encode()
    assert len(large_values.extract(body, IN_MESSAGES)[1]) == 1
    assert translated(body) == whole(body)


@pytest.mark.parametrize("name", ["model", "role", "type", "text", "content", "name", "user"])
def test_other_fields_stay(name: str) -> None:
    body = json.dumps({name: BASE64}).encode()
    assert large_values.extract(body, IN_MESSAGES) == (body, ())


LIST = "1," * 70_000


@pytest.mark.parametrize(
    "body",
    [
        f'["url\\":",{LIST}"url"]',
        f'["\\"url\\":",{LIST}"url"]',
        f'{{"url":"","a":[{LIST}1],"b":""}}',
        f'{{"url":"a","{BASE64}":1}}',
    ],
)
def test_text_between_two_strings_stays(body: str) -> None:
    assert json.loads(body)
    assert large_values.extract(body.encode(), IN_MESSAGES) == (body.encode(), ())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"role":"user",', '"role":"user"'),
        ('"detail"', "detail"),
        (f'"{URL}"', f'"{URL}'),
        (f'"{URL}"', f'{URL}"'),
        (f'"{URL}"', f'"{URL}""'),
        (f'"url":"{URL}"', f'"url" "url":"{URL}"'),
        ("]}]", "]}"),
        (URL, f"{URL}\0"),
        (URL, f"{URL}\\"),
        (URL, f"{URL}\\x"),
    ],
)
def test_invalid_json_is_still_refused(old: str, new: str) -> None:
    body = json.dumps(chat(picture()), separators=NARROW)
    assert old in body
    with pytest.raises(ClientError, match="could not parse the JSON body"):
        translated(body.replace(old, new).encode())


@pytest.mark.parametrize("byte", [b"\x80", b"\xff"])
def test_invalid_utf_8_is_still_refused(byte: bytes) -> None:
    body = json.dumps(chat(picture()), separators=NARROW).encode()
    for place in (body.index(b"Was"), body.index(BASE64.encode()) + 70_000):
        with pytest.raises(ClientError, match="could not parse the JSON body"):
            translated(body[:place] + byte + body[place:])


def test_a_large_picture_is_copied_once() -> None:
    body = json.dumps(chat(*[picture(URL * 5)] * 3)).encode()
    tracemalloc.start()
    try:
        translated(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * len(body)


# --- Images in responses --------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("as_events", [True, False])
def test_a_response_is_the_same_with_extracted_images(
    indent: int | None, *, as_events: bool
) -> None:
    image = {"b64_json": BASE64, "revised_prompt": 'A "cat"'}
    own = json.dumps({"created": 7, "data": [image, {"b64_json": BASE64[::-1]}]}, indent=indent)
    body = json.dumps(oip.response(oip.text("output_all", own))).encode()
    inference = draw(stream=as_events)
    assert len(large_values.extract(body, IN_IMAGES)[1]) == 2
    with mock.patch.object(large_values, "extract", lambda body, _field: (body, ())):
        expected = inference.complete([body])
    assert inference.complete([body]) == expected
    assert expected.body.count(BASE64.encode()) == 1


def test_images_in_tensors_are_checked() -> None:
    body = json.dumps(oip.response(oip.text("b64_json", BASE64))).encode()
    assert large_values.extract(body, IN_IMAGES) == (body, ())
    [image] = json.loads(draw().complete([body]).body)["data"]
    assert image == {"b64_json": BASE64}
