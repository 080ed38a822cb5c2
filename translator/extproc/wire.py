"""Encodes protobuf for the replies without message objects, and with one copy of the body.

Tests compare every reply with the generated classes. Source: Protocol Buffers, "Encoding".
"""

from functools import cache, lru_cache

_CONTINUES = 0x80  # set on every byte of a varint but the last


def varint(number: int) -> bytes:
    """A non-negative integer, seven bits to a byte, the lowest first."""
    out = bytearray()
    while number >= _CONTINUES:
        out.append(number & 0x7F | _CONTINUES)
        number >>= 7
    out.append(number)
    return bytes(out)


@cache
def tag(field: int, wire_type: int) -> bytes:
    """The tag of a field. Wire type 0 is a varint; 2 is length-delimited."""
    return varint(field << 3 | wire_type)


@lru_cache(maxsize=1024)  # most values are small, so few differ
def opening(field: int, size: int) -> bytes:
    """The tag and length before the ``size`` bytes of a length-delimited field."""
    return tag(field, 2) + varint(size)


def nest(field: int, value: bytes) -> bytes:
    """Bytes, a string or a message as a field."""
    return opening(field, len(value)) + value


@lru_cache(maxsize=256)  # most headers are the same in every exchange; one can have 60 KiB
def header_value_option(name: str, value: str) -> bytes:
    """One element of ``HeaderMutation.set_headers``, as field 1 of its message."""
    header = _key(name) + nest(3, value.encode("utf-8", "surrogateescape"))
    return nest(1, nest(1, header))


@cache  # the names are our own
def _key(name: str) -> bytes:
    return nest(1, name.encode())
