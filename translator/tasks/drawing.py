"""Drawing: a prompt goes in, images come out."""

from collections.abc import Sequence

import msgspec

from translator.raw_json import Object
from translator.tasks.usage import UNKNOWN, TokenCounts

FORMATS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp", b"GIF8": "gif"}
"""The formats of image files, by their first bytes."""


class Drawing(msgspec.Struct):
    """A request for images.

    Attributes:
        prompt: what they are to show; not empty.
        parameters: all other fields of the request, as the client wrote them and in their order.
    """

    prompt: str
    parameters: Object


class DrawnImage(msgspec.Struct):
    """One image: base64 without line ends, or a URL (which may be a ``data:`` URL with base64)."""

    base64: str = ""
    url: str = ""


class DrawnImages(msgspec.Struct):
    """What a model server's response says.

    Attributes:
        model: the one that answered, as the server calls it, or "".
        tokens: as far as they are told.
        images: at least one, unless there is a provider's object.
        provided: a provider's own list of images as JSON text, which says it all; or None.
    """

    model: str
    tokens: TokenCounts = UNKNOWN
    images: Sequence[DrawnImage] = ()
    provided: str | None = None
