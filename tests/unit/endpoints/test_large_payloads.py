"""Pictures, sounds and files, kept out of the translation."""

import base64
import json
import random
import tracemalloc
from typing import Any
from unittest import mock

import pytest

from tests import oip
from translator.endpoints import large_payloads
from translator.endpoints.chat import to_oip
from translator.endpoints.images import ImagesInference
from translator.endpoints.large_payloads import IN_IMAGES, IN_MESSAGES
from translator.errors import ClientError

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


def whole(body: bytes, **arguments: Any) -> bytes:
    """The translation of a request in which nothing is set aside."""
    with mock.patch.object(large_payloads, "set_aside", lambda body, _field: (body, ())):
        return to_oip(body, None, **arguments)[0]


SOUND = {"type": "input_audio", "input_audio": {"data": BASE64, "format": "wav"}}
FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": URL}}


@pytest.mark.parametrize("parts", [[picture()], [SOUND], [FILE], [picture(), SOUND, FILE]])
@pytest.mark.parametrize("separators", [NARROW, (", ", ": ")])
@pytest.mark.parametrize("before", [[], [{"role": "system", "content": "Be brief."}]])
def test_a_translation_is_the_same_with_payloads_set_aside(
    parts: list[Any], separators: tuple[str, str], before: list[Any]
) -> None:
    document = chat(*parts)
    document["messages"] = [*before, *document["messages"]]
    body = json.dumps(document, separators=separators, ensure_ascii=False).encode()
    small, payloads = large_payloads.set_aside(body, IN_MESSAGES)
    assert len(payloads) == len(parts)
    assert len(small) < 2000
    assert large_payloads.put_back(small, payloads) == body
    assert to_oip(body, None)[0] == whole(body)


def test_what_goes_to_two_places_comes_to_both() -> None:
    body = json.dumps(chat(reference={"url": URL}), separators=NARROW).encode()
    assert len(large_payloads.set_aside(body, IN_MESSAGES)[1]) == 1
    translated = to_oip(body, None)[0]
    assert translated == whole(body)
    assert translated.count(URL.encode()) == 2


def test_the_json_that_a_text_quotes_may_hold_a_payload() -> None:
    text = json.dumps({"image_url": {"url": URL}, "x": 1})
    body = json.dumps(chat({"type": "text", "text": text})).encode()
    assert len(large_payloads.set_aside(body, IN_MESSAGES)[1]) == 1
    assert to_oip(body, None)[0] == whole(body)


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
def test_what_is_small_or_no_base64_stays(url: str) -> None:
    body = json.dumps(chat(picture(url)), ensure_ascii=False).encode()
    assert large_payloads.set_aside(body, IN_MESSAGES) == (body, ())
    assert to_oip(body, None)[0] == whole(body)


def test_a_payload_ends_where_an_escape_begins() -> None:
    body = json.dumps(chat(picture(f'{URL}"{URL}'))).encode()
    assert len(large_payloads.set_aside(body, IN_MESSAGES)[1]) == 1
    assert to_oip(body, None)[0] == whole(body)


@pytest.mark.parametrize("name", ["model", "role", "type", "text", "content", "name", "user"])
def test_other_fields_stay(name: str) -> None:
    body = json.dumps({name: BASE64}).encode()
    assert large_payloads.set_aside(body, IN_MESSAGES) == (body, ())


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
def test_what_stands_between_two_texts_stays(body: str) -> None:
    assert json.loads(body)
    assert large_payloads.set_aside(body.encode(), IN_MESSAGES) == (body.encode(), ())


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
def test_what_is_no_json_is_refused_as_ever(old: str, new: str) -> None:
    body = json.dumps(chat(picture()), separators=NARROW)
    assert old in body
    with pytest.raises(ClientError, match="could not parse the JSON body"):
        to_oip(body.replace(old, new).encode(), None)


@pytest.mark.parametrize("byte", [b"\x80", b"\xff"])
def test_what_is_no_utf_8_is_refused_as_ever(byte: bytes) -> None:
    body = json.dumps(chat(picture()), separators=NARROW).encode()
    for place in (body.index(b"Was"), body.index(BASE64.encode()) + 70_000):
        with pytest.raises(ClientError, match="could not parse the JSON body"):
            to_oip(body[:place] + byte + body[place:], None)


def test_a_large_picture_is_copied_once() -> None:
    body = json.dumps(chat(*[picture(URL * 5)] * 3)).encode()
    tracemalloc.start()
    try:
        to_oip(body, None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * len(body)


# --- Images in answers ----------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("as_events", [True, False])
def test_an_answer_is_the_same_with_images_set_aside(
    indent: int | None, *, as_events: bool
) -> None:
    image = {"b64_json": BASE64, "revised_prompt": 'A "cat"'}
    own = json.dumps({"created": 7, "data": [image, {"b64_json": BASE64[::-1]}]}, indent=indent)
    body = json.dumps(oip.response(oip.text("output_all", own))).encode()
    inference = ImagesInference("m", as_events=as_events)
    assert len(large_payloads.set_aside(body, IN_IMAGES)[1]) == 2
    with mock.patch.object(large_payloads, "set_aside", lambda body, _field: (body, ())):
        expected = inference.from_oip(body)
    assert inference.from_oip(body) == expected
    assert expected.body.count(BASE64.encode()) == 1


def test_images_in_tensors_are_looked_at() -> None:
    body = json.dumps(oip.response(oip.text("b64_json", BASE64))).encode()
    assert large_payloads.set_aside(body, IN_IMAGES) == (body, ())
    [image] = json.loads(ImagesInference("m").from_oip(body).body)["data"]
    assert image == {"b64_json": BASE64}
