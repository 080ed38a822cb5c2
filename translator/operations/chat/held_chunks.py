"""Chunks of a provider that are held.

There are two kinds: chunks from the start of a tool call until its name is complete, and the last
chunk of a choice until it is certain that no output follows.
"""

from typing import NamedTuple

from translator.operations.chat.provider_chunk import Place, says_something
from translator.operations.chat.state import State
from translator.tasks.repair import Repair
from translator.tasks.tool_calls import MOST_HELD


class Chunk(NamedTuple):
    """A chunk that may be held.

    Attributes:
        data: the chunk as received.
        places: the places of its choices.
        in_order: whether it needs no repair, apart from its choices.
        marked: whether it contains half a surrogate pair.
    """

    data: bytes
    places: list[Place]
    in_order: bool
    marked: bool

    @property
    def is_empty(self) -> bool:
        """Whether it has only the ends of choices, and lost calls."""
        return bool(self.places) and not any(
            place.first or says_something(self.data, place.position, calls=not place.is_lost)
            for place in self.places
        )


class HeldChunks:
    """The held chunks of one stream.

    Args:
        state: the state of the stream.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._waiting: list[Chunk] = []
        self._size = 0  # bytes of these
        self._calling: set[int] = set()  # the choices with calls that may lack a name
        self._ends: dict[int, Chunk] = {}  # by the choice that ends with it

    @property
    def has_all_ends(self) -> bool:
        """Whether every choice has ended."""
        return 0 < len(self._state.choices) == len(self._ends)

    def has_end(self, index: int) -> bool:
        """Whether a choice has ended."""
        return index in self._ends

    def take(self, chunk: Chunk) -> list[Chunk]:
        """The chunks that are released by this one, mostly itself."""
        waits = bool(self._waiting)
        for place in chunk.places:
            waits = waits or bool(place.reason) or place.has_held_calls
        if not waits:
            return [chunk]
        self._keep(chunk)
        return self.release()

    def go_on(self, index: int) -> None:
        """A choice continues after its end, so that was not the end."""
        chunk = self._ends[index]
        self._state.repairs.add(Repair.FINISH_REASON)
        for place in chunk.places:
            place.reason = ""
            del self._ends[place.index]
            self._state.choice(place.index).finished = False
        self._wait(chunk)

    def release(self, *, end: bool = False) -> list[Chunk]:
        """The chunks whose calls have their names.

        Args:
            end: whether no chunks follow.

        Raises:
            UpstreamError: 502, a call has no name at the end.
        """
        end = end or self._size > MOST_HELD
        for index in sorted(self._calling):
            choice = self._state.choice(index)
            choice.calls.release(end=end or choice.finished)
            if choice.calls.holds:
                return []
            self._calling.discard(index)
        released, self._waiting, self._size = self._waiting, [], 0
        return released

    def ends(self) -> list[Chunk]:
        """The last chunks of choices, each once."""
        ends = {id(chunk): chunk for chunk in self._ends.values()}
        self._ends.clear()
        return [*ends.values()]

    def rescue(self) -> list[Chunk]:
        """The held chunks when an error ends the stream, without calls that have no name."""
        chunks = [*self._waiting, *self.ends()]
        self._waiting.clear()
        for chunk in chunks:
            for place in chunk.places:
                place.reason = ""
                place.is_lost = place.has_held_calls
        return [chunk for chunk in chunks if not chunk.is_empty]

    def _keep(self, chunk: Chunk) -> None:
        for place in chunk.places:
            if place.calls:
                self._calling.add(place.index)
        if chunk.places and all(place.reason for place in chunk.places):
            for place in chunk.places:
                self._ends[place.index] = chunk
                self._state.choice(place.index).finished = True
            return
        for place in chunk.places:  # the other choices continue; this one is finished at the end
            place.reason = ""
        self._wait(chunk)

    def _wait(self, chunk: Chunk) -> None:
        self._waiting.append(chunk)
        self._size += len(chunk.data)
