"""Splits the data of a numeric tensor into rows, as JSON text.

Numbers are not parsed: an embeddings response has hundreds of thousands, and an object for each
would cost more than all the rest of the translation. They are known to be valid JSON numbers,
because the whole body has been decoded as JSON.
"""

from collections.abc import Iterator, Sequence

from msgspec import Raw

_WINDOW = 1 << 16  # bytes examined at once: they fit into the processor's cache
_WORDS = (b'"', b"{", b"u", b"l")  # one of these is in each string, object, true, null and false
_LAYOUT = (b"[", b" ", b"\n", b"\r", b"\t")


def rows(data: Raw, shape: Sequence[int]) -> Iterator[bytes]:
    """Each row as a JSON list, with the digits of ``data``.

    Args:
        data: valid JSON, a list of numbers, flat or nested.
        shape: ``[n, d]``, or ``[d]`` for a single row, whose length is not compared with ``d``.

    Raises:
        ValueError: an element is not a number, or their count differs from the shape.
    """
    elements = memoryview(data)[1:-1]
    if memoryview(data)[0] != ord("["):
        raise ValueError("the data is not a list")
    is_plain = _is_plain(elements)
    is_nested = not is_plain and b"[" in bytes(elements)
    numbers = elements if is_plain else _flat(bytes(elements), is_nested=is_nested)
    match shape:
        case [count, width]:
            yield from _cut(numbers, count, width)
        case [] | [_] if numbers and not is_nested:
            yield _list(numbers)
        case _:
            raise _other_size()


def _is_plain(elements: memoryview) -> bool:
    """Whether there are only numbers and commas. Raises ValueError for elements of other types."""
    is_plain = True
    for start in range(0, len(elements), _WINDOW):
        window = bytes(elements[start : start + _WINDOW])
        if any(byte in window for byte in _WORDS):
            raise ValueError("the data is not a list of numbers")
        is_plain = is_plain and not any(byte in window for byte in _LAYOUT)
    return is_plain


def _flat(elements: bytes, *, is_nested: bool) -> memoryview:
    """The numbers of a list with white space or of nested lists, in row-major order."""
    numbers = elements.translate(None, b"[] \n\r\t")
    if is_nested and numbers and b",," in b",%b," % numbers:
        raise ValueError("the data has an empty list")
    return memoryview(numbers)


def _cut(numbers: memoryview, count: int, width: int) -> Iterator[bytes]:
    if not (numbers and count > 0 and 0 < width <= len(numbers)):
        raise _other_size()
    usual = len(numbers) // count * 5 // 4 + 32
    start = 0
    for _ in range(count - 1):
        length = _length(numbers[start:], width, usual)
        yield _list(numbers[start : start + length])
        start += length + 1
    if bytes(numbers[start:]).count(b",") != width - 1:
        raise _other_size()
    yield _list(numbers[start:])


def _length(numbers: memoryview, width: int, reach: int) -> int:
    """The length of the first row, searched in the first ``reach`` bytes, then in more.

    Commas are replaced by marks, and the last mark is searched. This takes two thirds of the time
    of counting the commas, and a third of that of a regular expression.
    """
    marked = bytes(numbers[:reach]).replace(b",", b";", width)
    length = marked.rfind(b";")
    if marked.find(b",", length) >= 0 or marked.count(b";") == width:
        return length
    if reach >= len(numbers):
        raise _other_size()
    return _length(numbers, width, 2 * reach)


def _list(numbers: memoryview) -> bytes:
    return b"".join((b"[", numbers, b"]"))


def _other_size() -> ValueError:
    return ValueError("the size of the data differs from the shape")
