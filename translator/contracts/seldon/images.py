"""Images in a BYTES tensor, from runtimes without ``output_all``.

No runtime documents how it writes an image into JSON, so several forms are accepted: a URL, base64,
and bytes as characters up to U+00FF (the raw bytes that Triton writes are decoded to these too).
"""

from base64 import b64decode, b64encode

from translator.errors import unreadable
from translator.oip.response import InferenceResponse, OutputTensor
from translator.tasks.drawing import FORMATS, DrawnImage

_NAMES = ("image", "images", "b64_json", "url", "generated_image", "generated_images")


def read(response: InferenceResponse) -> list[DrawnImage]:
    """The images of a response.

    Raises:
        UpstreamError: 502, there is no image, or an element is not one.
    """
    tensor = _tensor(response)
    if tensor is None:
        raise unreadable()
    images = [_image(element) for element in tensor.characters() if element]
    if not images:
        raise unreadable()
    return images


def _tensor(response: InferenceResponse) -> OutputTensor | None:
    """The BYTES tensor with a known name, else the only BYTES tensor."""
    texts = {
        name: tensor for name, tensor in response.by_name.items() if tensor.datatype == "BYTES"
    }
    known = [texts[name] for name in _NAMES if name in texts]
    if known:
        return known[0]
    return next(iter(texts.values())) if len(texts) == 1 else None


def _image(element: str) -> DrawnImage:
    if element.startswith(("http://", "https://")):
        return DrawnImage(url=element)
    if element.startswith("data:"):
        _, _, encoded = element.partition(";base64,")
        if not encoded or not _is_base64(encoded):
            raise unreadable()
        return DrawnImage(url=element)
    lineless = element.replace("\r", "").replace("\n", "")
    return DrawnImage(base64=lineless if lineless and _is_base64(lineless) else _encode(element))


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
    if not data.startswith(tuple(FORMATS)):  # for example a message that there is no image
        raise unreadable()
    return b64encode(data).decode()
