"""The task of drawing: a prompt in, images out."""

from collections.abc import Sequence

import msgspec

from translator.raw_json import Object
from translator.tasks.usage import UNKNOWN, TokenCounts

FORMATS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp", b"GIF8": "gif"}
"""The formats of image files, by their first bytes."""


class Drawing(msgspec.Struct):
    """A request for images.

    Attributes:
        prompt: not empty.
        parameters: all other fields of the request, as the client wrote them and in their order.
    """

    prompt: str
    parameters: Object


class DrawnImage(msgspec.Struct):
    """One image: base64 without line breaks, or a URL (also a ``data:`` URL with base64)."""

    base64: str = ""
    url: str = ""


class DrawnImages(msgspec.Struct):
    """A decoded response.

    Attributes:
        model: the model's name in the response, or "".
        tokens: the token counts in the response.
        images: at least one, unless ``provided`` is set.
        provided: a provider's list of images as JSON text, instead of ``images``; or None.
    """

    model: str
    tokens: TokenCounts = UNKNOWN
    images: Sequence[DrawnImage] = ()
    provided: str | None = None
