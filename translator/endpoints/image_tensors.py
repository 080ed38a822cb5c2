"""Images in a BYTES tensor, for runtimes that have no ``output_all``.

No runtime documents how it writes an image into JSON, so each way is understood: a URL, base64, and
bytes as characters up to U+00FF (which is also how the raw bytes that Triton writes are read).
"""

from base64 import b64decode, b64encode

from translator.oip.response import InferenceResponse, OutputTensor, unreadable
from translator.openai.images import Image

_NAMES = ("image", "images", "b64_json", "url", "generated_image", "generated_images")
_FORMATS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp", b"GIF8": "gif"}
_HEAD = 8  # characters of base64 hold the first 6 bytes


def read(response: InferenceResponse, *, as_url: bool) -> list[Image]:
    """The images of a response, each as base64, or as a URL where that is what there is.

    Args:
        response: the answer of the model server.
        as_url: the client asked for URLs, so base64 becomes a ``data:`` URL.

    Raises:
        UpstreamError: 502, there is no image, or something else where it should be.
    """
    tensor = _tensor(response)
    if tensor is None:
        raise unreadable()
    images = [_image(element, as_url=as_url) for element in tensor.characters() if element]
    if not images:
        raise unreadable()
    return images


def _tensor(response: InferenceResponse) -> OutputTensor | None:
    """The output of a known name, else the only one that can hold images."""
    texts = {
        name: tensor for name, tensor in response.by_name.items() if tensor.datatype == "BYTES"
    }
    known = [texts[name] for name in _NAMES if name in texts]
    if known:
        return known[0]
    return next(iter(texts.values())) if len(texts) == 1 else None


def _image(element: str, *, as_url: bool) -> Image:
    if element.startswith(("http://", "https://")):
        return Image(url=element)
    if element.startswith("data:"):
        _, _, encoded = element.partition(";base64,")
        if not encoded or not _is_base64(encoded):
            raise unreadable()
        return Image(url=element) if as_url else Image(b64_json=encoded)
    lineless = element.replace("\r", "").replace("\n", "")
    encoded = lineless if lineless and _is_base64(lineless) else _encode(element)
    if not as_url:
        return Image(b64_json=encoded)
    return Image(url=f"data:image/{_format(encoded)};base64,{encoded}")


def _is_base64(text: str) -> bool:
    try:
        b64decode(text, validate=True)
    except ValueError:  # binascii.Error, or characters beyond ASCII
        return False
    return True


def _encode(characters: str) -> str:
    try:
        data = characters.encode("latin-1")
    except UnicodeEncodeError as error:
        raise unreadable() from error
    if not data.startswith(tuple(_FORMATS)):  # a sentence, say, that tells why there is no image
        raise unreadable()
    return b64encode(data).decode()


def _format(encoded: str) -> str:
    """The image's format by its first bytes; browsers look for themselves at what is unknown."""
    head = b64decode(encoded[:_HEAD])
    return next((name for magic, name in _FORMATS.items() if head.startswith(magic)), "png")
