"""Image generation: the response. Source: OpenAI API reference, "Create image".

A stream ends with one ``image_generation.completed`` event per image.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType


class Image(msgspec.Struct, omit_defaults=True):
    """One image, as base64 or as a URL (which may be a ``data:`` URL)."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class InputTokensDetails(msgspec.Struct):
    """The input tokens by kind."""

    text_tokens: int
    image_tokens: int


class Usage(msgspec.Struct):
    """Token counts. A generation's input is text only."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: InputTokensDetails


class ImagesResponse(msgspec.Struct):
    """A whole response. When decoding a provider's, all fields but ``data`` may be absent.

    ``created`` is in seconds since the epoch.
    """

    data: list[Image]
    created: float | None = None
    background: str | UnsetType | None = UNSET
    output_format: str | UnsetType | None = UNSET
    quality: str | UnsetType | None = UNSET
    size: str | UnsetType | None = UNSET
    usage: Raw | UnsetType = UNSET


class StrictImagesResponse(msgspec.Struct):
    """A whole response with the types of OpenAI's SDKs. Other values of the fields are dropped."""

    data: list[Image]
    created: int
    background: Literal["transparent", "opaque"] | UnsetType | None = UNSET
    output_format: Literal["png", "jpeg", "webp", "gif", "svg"] | UnsetType | None = UNSET
    quality: Literal["low", "medium", "high", "xhigh", "max"] | UnsetType | None = UNSET
    size: str | UnsetType | None = UNSET
    usage: Usage | UnsetType | None = UNSET


class ImageCompleted(msgspec.Struct, tag="image_generation.completed"):
    """The event with a finished image. All fields are required.

    ``created_at`` is in seconds since the epoch.
    """

    b64_json: str
    created_at: int
    background: str
    output_format: str
    quality: str
    size: str
    usage: Raw


AUTO = "auto"
"""The value of an image's field if neither the client nor the server gives one."""
CHOICES = {
    "background": ("transparent", "opaque", AUTO),
    "output_format": ("png", "jpeg", "webp"),
    "quality": ("low", "medium", "high", "xhigh", "max", AUTO),
}
"""The values of an event's fields; clients with strict types accept no others."""
