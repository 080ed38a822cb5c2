"""Any split of any bytes."""

from itertools import pairwise

from hypothesis import strategies as st


def cut(body: bytes, places: list[int]) -> list[bytes]:
    """The pieces of ``body`` between these places, some of them empty perhaps."""
    bounds = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(bounds)]


PLACES = st.lists(st.integers(0, 100_000), max_size=12)
