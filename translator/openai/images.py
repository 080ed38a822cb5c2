"""Image generation: the objects of an answer. Source: OpenAI API reference, "Create image".

A streamed generation ends with one ``image_generation.completed`` event per image.
"""

from typing import Any

import msgspec


class Image(msgspec.Struct):
    """One image, as base64 or as a URL (which may be a ``data:`` URL)."""

    b64_json: str | None = None
    url: str | None = None


class ImagesResponse(msgspec.Struct):
    """As much of an answer as turning it into events needs. Unknown fields are read past."""

    data: list[Image]
    created: int = 0
    background: str | None = None
    output_format: str | None = None
    quality: str | None = None
    size: str | None = None
    usage: dict[str, Any] | None = None


class ImageCompleted(msgspec.Struct, omit_defaults=True, tag="image_generation.completed"):
    """The event that carries a finished image. ``created_at`` is in seconds since the epoch."""

    b64_json: str
    created_at: int
    background: str | None = None
    output_format: str | None = None
    quality: str | None = None
    size: str | None = None
    usage: dict[str, Any] | None = None
