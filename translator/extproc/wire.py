"""Writing protobuf by hand, for the replies: no objects, one copy of the body.

Tests hold every reply against the generated classes. Source: Protocol Buffers, "Encoding".
"""

from functools import cache, lru_cache

_CONTINUES = 0x80  # on every byte of a varint but the last


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
    """What stands before a field's value. Wire type 0 is a varint, 2 bytes with their length."""
    return varint(field << 3 | wire_type)


@lru_cache(maxsize=1024)  # most of what is written is small, so the same few come again and again
def opening(field: int, size: int) -> bytes:
    """What stands before the ``size`` bytes of a field: of bytes, of a string or a message."""
    return tag(field, 2) + varint(size)


def nest(field: int, value: bytes) -> bytes:
    """Bytes, a string or a message as a field."""
    return opening(field, len(value)) + value


@lru_cache(maxsize=256)  # most headers say the same in every exchange; a long one may be 60 KiB
def header_value_option(name: str, value: str) -> bytes:
    """One element of ``HeaderMutation.set_headers``, as field 1 of its message."""
    header = _key(name) + nest(3, value.encode("utf-8", "surrogateescape"))
    return nest(1, nest(1, header))


@cache  # the names are our own
def _key(name: str) -> bytes:
    return nest(1, name.encode())
