"""Draws small images: the same prompt gives the same image."""

import io
import textwrap
from colorsys import hls_to_rgb
from hashlib import shake_256

from PIL import Image, ImageDraw, ImageFont, ImageOps

DISCS = 7
COLOURS = 64
"""The size of the palette, which keeps an image of 1024 by 1024 pixels well below 100 kB."""
CAPTION_CHARACTERS = 160


def paint(prompt: str, index: int, size: tuple[int, int]) -> bytes:
    """Draw an image.

    Args:
        prompt: determines colours and shapes, and is written below them.
        index: the number of the image, for several images of one prompt.
        size: width and height in pixels.

    Returns:
        A PNG file with a palette.
    """
    # Each property is one byte: the hue, then x, y, radius and hue of each disc.
    hue, *choices = shake_256(f"{index} {prompt}".encode()).digest(1 + 4 * DISCS)
    picture = _sky(hue, size)
    draw = ImageDraw.Draw(picture)
    side = min(size)
    for x, y, radius, shade in zip(*[iter(choices)] * 4, strict=True):
        centre = (x * size[0] / 255, y * size[1] / 255)
        draw.circle(centre, side * (0.05 + radius / 255 * 0.15), fill=_colour(shade, 0.6))
    font = ImageFont.load_default(max(side / 24, 8))
    caption = textwrap.fill(textwrap.shorten(prompt, CAPTION_CHARACTERS), 36)
    draw.multiline_text(
        (size[0] / 2, size[1] * 0.96),
        caption,
        "white",
        font,
        "md",
        align="center",
        stroke_width=2,
        stroke_fill="black",
    )
    file = io.BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _sky(hue: int, size: tuple[int, int]) -> Image.Image:
    """Fill a canvas with a gradient from a dark hue above to a light one below."""
    gradient = Image.linear_gradient("L").resize(size)
    return ImageOps.colorize(gradient, _colour(hue, 0.2), _colour(hue + 40, 0.8))


def _colour(hue: int, lightness: float) -> tuple[int, int, int]:
    """Return the RGB colour of a hue (a full circle is 256) with lightness from 0 to 1."""
    red, green, blue = (round(255 * level) for level in hls_to_rgb(hue % 256 / 256, lightness, 0.7))
    return red, green, blue
