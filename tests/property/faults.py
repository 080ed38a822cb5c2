"""A document in which one value is wrong: of another type, null, or not there."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

WRONG: tuple[Any, ...] = (
    None, 0, 1, -1, 2.5, 1e300, True, False, "", "x", "0", [], [1], ["x"], [{}], [None],
    {}, {"a": 1}, {"text": "t"}, {"index": 0}, 10**20,
)  # fmt: skip
Path = tuple[Any, ...]


def paths(document: Any, path: Path = ()) -> Iterator[Path]:
    """The way to every value in a document, but for the document itself."""
    items: Any = document.items() if isinstance(document, dict) else ()
    if isinstance(document, list):
        items = enumerate(document)
    for key, value in items:
        yield (*path, key)
        yield from paths(value, (*path, key))


@st.composite
def faulty(draw: st.DrawFn, document: Any) -> Any:
    """The document with one value replaced or left out."""
    made = copy.deepcopy(document)
    *way, last = draw(st.sampled_from([*paths(document)]))
    parent = made
    for key in way:
        parent = parent[key]
    if draw(st.booleans()):
        parent[last] = copy.deepcopy(draw(st.sampled_from(WRONG)))
    else:
        del parent[last]
    return made
