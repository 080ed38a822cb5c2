"""The two forms of a vector in a response: a JSON list of numbers, or base64 of float32."""

import struct
from base64 import b64decode, b64encode
from math import isfinite

import msgspec
from msgspec import Raw

from translator.errors import unreadable
from translator.raw_json import raw

_FLOAT = 4  # bytes
_decode_floats = msgspec.json.Decoder(list[float]).decode


def to_base64(numbers: bytes | Raw) -> Raw:
    """Encode a list of numbers as base64 of little-endian float32, OpenAI's form.

    Raises:
        UpstreamError: 502, the text is not a list of numbers in the range of float32.
    """
    try:
        vector = _decode_floats(numbers)
        packed = struct.pack(f"<{len(vector)}f", *vector)
    except (msgspec.DecodeError, OverflowError) as error:
        raise unreadable() from error
    return Raw(b'"%b"' % b64encode(packed))


def to_floats(encoded: Raw) -> Raw:
    """Decode such base64, given as a JSON string, to a list of numbers.

    Raises:
        UpstreamError: 502, the text is not such base64.
    """
    try:
        packed = b64decode(msgspec.json.decode(encoded, type=str), validate=True)
        vector = struct.unpack(f"<{len(packed) // _FLOAT}f", packed)
    except (msgspec.DecodeError, ValueError, struct.error) as error:
        raise unreadable() from error
    if not all(map(isfinite, vector)):  # JSON has no NaN or infinity
        raise unreadable()
    return raw(vector)
