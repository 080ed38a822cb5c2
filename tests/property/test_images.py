"""Images: whatever the bytes and however a runtime writes them, the client gets those bytes."""

import base64
import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests import oip
from tests.unit.events import data_of
from tests.unit.translating import accept
from translator.errors import ClientError, UpstreamError
from translator.operations.base import Inference
from translator.operations.images import IMAGES

MAGIC = {"png": b"\x89PNG\r\n", "jpeg": b"\xff\xd8\xff", "webp": b"RIFF\0", "gif": b"GIF89a\0"}
Made = tuple[tuple[str, bytes], str]
FORMS = ("base64", "characters", "data URL")

images = st.builds(
    lambda kind, rest: (kind, MAGIC[kind] + rest), st.sampled_from([*MAGIC]), st.binary()
)


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def written(image: tuple[str, bytes], form: str) -> str:
    """An element of a tensor that holds an image in one of the ways of runtimes."""
    kind, data = image
    if form == "characters":
        return data.decode("latin-1")
    return text(data) if form == "base64" else f"data:image/{kind};base64,{text(data)}"


made = st.lists(st.tuples(images, st.sampled_from(FORMS)), min_size=1, max_size=4)


def asked(*, as_url: bool = False, as_events: bool = False) -> Inference:
    """An image, in one of the forms that clients ask for."""
    form = "url" if as_url else "b64_json"
    body = {"model": "m", "prompt": "a", "response_format": form, "stream": as_events}
    return accept(IMAGES, body)


def answer(elements: list[str]) -> bytes:
    return json.dumps(oip.response(oip.text("image", *elements))).encode()


@given(made)
def test_the_client_gets_the_bytes_of_every_image(made: list[Made]) -> None:
    body = answer([written(image, form) for image, form in made])
    document = json.loads(asked().complete([body]).body)
    assert document["data"] == [{"b64_json": text(data)} for (_, data), _ in made]


@given(made)
def test_a_url_holds_the_bytes_of_every_image_and_its_kind(made: list[Made]) -> None:
    body = answer([written(image, form) for image, form in made])
    document = json.loads(asked(as_url=True).complete([body]).body)
    assert document["data"] == [
        {"url": f"data:image/{kind};base64,{text(data)}"} for (kind, data), _ in made
    ]


@given(made)
def test_every_image_is_an_event(made: list[Made]) -> None:
    body = answer([written(image, form) for image, form in made])
    events = data_of(asked(as_events=True).complete([body]).body)
    assert [json.loads(data)["b64_json"] for data in events] == [
        text(data) for (_, data), _ in made
    ]


@given(st.sampled_from(["png", "jpeg"]), st.binary())
def test_raw_bytes_in_the_json_arrive(kind: str, rest: bytes) -> None:
    data = MAGIC[kind] + rest
    string = b"".join(
        b"\\u%04x" % byte if byte < 0x20 else (b"\\" if byte in b'"\\' else b"") + bytes([byte])
        for byte in data
    )
    body = b'{"outputs":[{"name":"image","datatype":"BYTES","shape":[1],"data":["%b"]}]}' % string
    document = json.loads(asked().complete([body]).body)
    assert document["data"] == [{"b64_json": text(data)}]


ELEMENTS = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.builds(
        str.__add__, st.sampled_from(["data:", "data:image/png;base64,", "http://"]), st.text()
    ),
    st.binary(max_size=12).map(lambda data: data.decode("latin-1")),
)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["image", "url", "x", "usage", "output_all", "input_tokens"]),
        "data": st.one_of(st.lists(ELEMENTS, max_size=3), st.integers(), st.none()),
        "shape": st.just([1]),
        "datatype": st.sampled_from(["BYTES", "FP32"]),
    }
)


@given(st.lists(TENSORS, max_size=3), st.booleans(), st.booleans())
def test_any_outputs_give_images_or_our_own_error(
    outputs: list[dict[str, Any]],
    as_events: bool,  # noqa: FBT001 -- given by hypothesis
    as_url: bool,  # noqa: FBT001 -- given by hypothesis
) -> None:
    body = msgspec.json.encode(oip.response(*outputs))
    try:
        output = asked(as_events=as_events, as_url=as_url and not as_events).complete([body]).body
    except UpstreamError:
        return
    if as_events:
        assert all(json.loads(data)["b64_json"] for data in data_of(output))
    elif not any(tensor["name"] == "output_all" for tensor in outputs):
        for image in json.loads(output)["data"]:
            [value] = image.values()
            assert value


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 12), st.floats(-1, 12), st.text(max_size=3)
)
NAMES = ("n", "size", "quality", "response_format", "stream", "user", "unknown", "partial_images")


@given(st.dictionaries(st.sampled_from(NAMES), SCALARS))
def test_parameters_are_sent_unchanged_or_refused_by_name(parameters: dict[str, Any]) -> None:
    body = json.dumps({"model": "m", "prompt": "a", **parameters}).encode()
    try:
        document = json.loads(accept(IMAGES, body).request.body)
    except ClientError as error:
        refusal = error
    else:
        assert document["parameters"] == {"llm_parameters": parameters}
        return
    assert refusal.status == 400
    assert refusal.param in parameters
