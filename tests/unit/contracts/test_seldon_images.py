"""Images in tensors, in all known forms."""

import base64
import json
from typing import Any

import pytest

from tests import oip
from translator.contracts.seldon import images
from translator.errors import UpstreamError
from translator.oip.response import decode
from translator.tasks.drawing import DrawnImage

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\xff\x80"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
WEBP = b'RIFF\x24\x00\x00\x00WEBPVP8 "\\\xfe'
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff"
FORMATS = {"png": PNG, "jpeg": JPEG, "webp": WEBP, "gif": GIF}

every_format = pytest.mark.parametrize(("name", "data"), FORMATS.items())


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def read(*outputs: dict[str, Any]) -> list[DrawnImage]:
    return images.read(decode(json.dumps(oip.response(*outputs)).encode()))


def as_triton_writes(data: bytes) -> bytes:
    """A response with the very bytes of an image in its JSON, less those that JSON must escape."""
    string = b"".join(
        b"\\u%04X" % byte if byte < 0x20 else (b"\\" if byte in b'"\\' else b"") + bytes([byte])
        for byte in data
    )
    tensor = b'{"name":"image","datatype":"BYTES","shape":[1],"data":["%b"]}' % string
    return b'{"model_name":"m","model_version":"1","outputs":[%b]}' % tensor


@every_format
def test_base64_stays_base64(name: str, data: bytes) -> None:
    assert read(oip.text("image", text(data))) == [DrawnImage(base64=text(data))], name


@every_format
def test_bytes_as_characters_become_base64(name: str, data: bytes) -> None:
    assert read(oip.text("image", data.decode("latin-1"))) == [DrawnImage(base64=text(data))], name


@every_format
def test_raw_bytes_in_the_json_become_base64(name: str, data: bytes) -> None:
    response = decode(as_triton_writes(data))
    assert images.read(response) == [DrawnImage(base64=text(data))], name


@every_format
def test_a_data_url_stays_one(name: str, data: bytes) -> None:
    url = f"data:image/{name};base64,{text(data)}"
    assert read(oip.text("image", url)) == [DrawnImage(url=url)]


@pytest.mark.parametrize("url", ["https://example.com/a.png?b=c", "http://minio/x"])
def test_a_link_stays_a_link(url: str) -> None:
    assert read(oip.text("url", url)) == [DrawnImage(url=url)]


@pytest.mark.parametrize("shape", [[3], [3, 1]])
@pytest.mark.parametrize("nested", [True, False])
def test_several_elements_are_several_images_in_their_order(
    shape: list[int], *, nested: bool
) -> None:
    elements = [text(PNG), GIF.decode("latin-1"), "https://example.com/a.png"]
    data = [[element] for element in elements] if nested else elements
    output = {"name": "images", "datatype": "BYTES", "shape": shape, "data": data}
    assert read(output) == [
        DrawnImage(base64=text(PNG)),
        DrawnImage(base64=text(GIF)),
        DrawnImage(url="https://example.com/a.png"),
    ]


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_element_is_not_an_image(nothing: str | None) -> None:
    output = {"name": "image", "shape": [2], "datatype": "BYTES", "data": [nothing, text(PNG)]}
    assert read(output) == [DrawnImage(base64=text(PNG))]


def test_base64_of_the_pipeline_gateway_is_decoded() -> None:
    inner = oip.text("image", text(text(PNG).encode()))
    inner["parameters"] = {"content_type": "base64"}
    assert read(inner) == [DrawnImage(base64=text(PNG))]


def test_base64_that_the_content_type_names_is_that_of_the_image() -> None:
    output = oip.text("image", text(PNG))
    output["parameters"] = {"content_type": "base64"}
    assert read(output) == [DrawnImage(base64=text(PNG))]


def test_base64_in_lines_is_base64() -> None:
    wrapped = base64.encodebytes(PNG * 10).decode()
    assert read(oip.text("image", wrapped)) == [DrawnImage(base64=text(PNG * 10))]


# --- Which output ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["image", "images", "b64_json", "url", "generated_image", "generated_images", "output_0"],
)
def test_the_only_bytes_tensor_has_the_images(name: str) -> None:
    numbers = {"name": "seed", "shape": [1], "datatype": "INT64", "data": [7]}
    assert read(numbers, oip.text(name, text(PNG))) == [DrawnImage(base64=text(PNG))]


@pytest.mark.parametrize(
    "name", ["image", "images", "b64_json", "url", "generated_image", "generated_images"]
)
def test_a_known_name_goes_before_others(name: str) -> None:
    others = [oip.text("revised_prompt", "a cat"), oip.text("type", "text")]
    assert read(*others, oip.text(name, text(PNG))) == [DrawnImage(base64=text(PNG))]


def test_of_two_known_names_the_first_in_the_list_counts() -> None:
    outputs = [oip.text("url", "https://example.com/a.png"), oip.text("image", text(PNG))]
    assert read(*outputs) == [DrawnImage(base64=text(PNG))]


def test_numeric_tensors_with_known_names_are_ignored() -> None:
    pixels = {"name": "image", "shape": [2], "datatype": "FP32", "data": [0.5, 0.25]}
    assert read(pixels, oip.text("encoded", text(PNG))) == [DrawnImage(base64=text(PNG))]


# --- No image -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outputs",
    [
        [],
        [{"name": "image", "shape": [2], "datatype": "FP32", "data": [0.5, 0.25]}],
        [oip.text("a", text(PNG)), oip.text("b", text(PNG))],
        [oip.text("image")],
        [oip.text("image", "")],
        [oip.text("image", "\r\n")],
        [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [None]}],
        [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [1, 2]}],
        [{"name": "image", "shape": [1], "datatype": "BYTES", "data": {"a": 1}}],
        [oip.text("image", "Your prompt was refused.")],
        [oip.text("image", "image blocked by filter")],
        [oip.text("image", "Dein Prompt wurde zurückgewiesen.")],
        [oip.text("image", "提示被拒绝")],
        [oip.text("image", text(PNG), "That was all.")],
        [oip.text("image", text(PNG)[:-1])],
    ],
)
def test_an_element_that_is_not_an_image_is_an_upstream_error(
    outputs: list[dict[str, Any]],
) -> None:
    with pytest.raises(UpstreamError, match="could not be understood") as caught:
        read(*outputs)
    assert (caught.value.status, caught.value.repeats) == (502, True)


@pytest.mark.parametrize(
    "url",
    ["data:", "data:image/png;base64,", "data:image/png;base64,AAAAA", "data:image/png,<svg>"],
)
def test_a_data_url_without_base64_is_an_upstream_error(url: str) -> None:
    with pytest.raises(UpstreamError, match="could not be understood"):
        read(oip.text("image", url))
