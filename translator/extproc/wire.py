"""Writing protobuf by hand, for the replies that carry a body: no objects, one copy of the body.

A message is a list of byte strings that are joined once at the end. Tests hold every reply against
the generated classes. Source: Protocol Buffers, "Encoding".
"""

from functools import cache, lru_cache

_CONTINUES = 0x80  # on every byte of a varint but the last


def varint(number: int) -> bytes:
    """A non-negative integer, seven bits to a byte, the lowest first."""
    if number < _CONTINUES:
        return _SMALL[number]
    out = bytearray()
    while number >= _CONTINUES:
        out.append(number & 0x7F | _CONTINUES)
        number >>= 7
    out.append(number)
    return bytes(out)


_SMALL = [bytes([number]) for number in range(_CONTINUES)]


@cache
def tag(field: int, wire_type: int) -> bytes:
    """What stands before a field's value. Wire type 0 is a varint, 2 bytes with their length."""
    return varint(field << 3 | wire_type)


def nest(field: int, *parts: bytes) -> tuple[bytes, ...]:
    """The parts as one field of bytes, a string or a message."""
    return (tag(field, 2), varint(sum(map(len, parts))), *parts)


@lru_cache(maxsize=256)  # most headers say the same in every exchange; a long one may be 60 KiB
def header_value_option(name: str, value: str) -> bytes:
    """One element of ``HeaderMutation.set_headers``, as field 1 of its message."""
    raw = value.encode("utf-8", "surrogateescape")
    header = (*nest(1, name.encode()), *nest(3, raw))
    return b"".join(nest(1, *nest(1, *header)))
