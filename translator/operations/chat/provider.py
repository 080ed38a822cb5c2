"""Chat completion chunks of a provider, which a runtime passes on as they came.

They are OpenAI's already and go out as they came, as long as they are what OpenAI itself would
send. Providers that are only compatible repeat the role, number tool calls from 1 or not at all,
change id and time from chunk to chunk, never say why they finished, or give usage unasked; a chunk
at fault is repaired, everything else in it is left alone, and a stream is completed at its end.

Two kinds of chunks wait: those from the start of a tool call on until its name is complete, and one
with which a choice ends until it is certain that nothing more is said. A provider's whole
``chat.completion`` becomes the chunks that it would have been.
"""

from typing import NamedTuple

import msgspec
from msgspec import Raw

from translator import surrogates
from translator.errors import unreadable
from translator.ids import completion_id
from translator.operations import provider
from translator.operations.chat import repair
from translator.operations.chat.provider_chunk import (
    OBJECT,
    ChoiceView,
    ChunkView,
    DeltaView,
    Place,
    decode_view,
    rebuild,
    says_something,
    split,
)
from translator.operations.chat.state import State
from translator.raw_json import (
    NULL,
    Object,
    decode_object,
    decode_objects,
    encode,
    integer_or_none,
    is_present,
    opening,
    raw,
)
from translator.tasks import usage
from translator.tasks.generation import Output
from translator.tasks.repair import Repair

_NULL = bytes(NULL)


def read_provided(text: str) -> tuple[bytes, bool]:
    """A provider's object as compact JSON, and whether there is half a surrogate pair in it.

    Raises:
        UpstreamError: as :func:`translator.operations.provider.read`.
    """
    if "\\ud" not in text and "\\uD" not in text:
        return provider.read(text), False
    given = text.encode()
    marked = surrogates.mark(given)
    return provider.read(marked.decode()), marked != given


class _Chunk(NamedTuple):
    """A chunk that may have to wait.

    Attributes:
        data: as it came.
        places: where its choices belong.
        in_order: all of it is, but for its choices.
    """

    data: bytes
    places: list[Place]
    in_order: bool


class ProviderChunks:
    """The chunks of one stream, repaired where need be.

    Args:
        state: what is known of the stream; the first chunk settles what all have in common.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._usage: Raw | None = None
        self._early: list[bytes] = []
        self._waiting: list[_Chunk] = []  # for a call's name
        self._calling: set[int] = set()  # the choices whose calls may wait for it
        self._ends: dict[int, _Chunk] = {}  # by the choice that ends with it
        self._halves = False  # one may wait for its other half
        self._last: bytes | None = None  # the provider's own chunk with the usage

    def take(self, chunk: bytes, output: Output, *, marked: bool = False) -> list[bytes]:
        """The chunks that go out for one that came in, compact JSON both.

        Args:
            chunk: the provider's object.
            output: what held it, for the id if the chunk has none.
            marked: whether there is half a surrogate pair in it.

        Raises:
            UpstreamError: 502, it is neither a chunk nor a completion, or the generation failed.
        """
        try:
            if marked or self._halves:
                chunk = self._join_halves(chunk)
            view = decode_view(chunk)
        except msgspec.ValidationError as error:
            raise unreadable() from error
        choices = view.choices or []
        counts = is_present(view.usage)
        if counts:
            self._usage = Raw(bytes(view.usage))
            self._state.tokens = usage.of_usage(self._usage)
        if not (self._state.id or view.identity or choices):  # Azure's verdict on the prompt
            self._early.append(chunk)
            return []
        out = self._begin(view, output)
        if any(choice.message is not None and choice.delta is None for choice in choices):
            return out + [more for part in split(chunk) for more in self.take(part, output)]
        if counts and not choices:
            self._last = chunk  # it has to come last
            return out
        places = self._place_all(chunk, choices)
        if not places and (choices or self._is_over):
            if counts:
                self._last = chunk
            self._state.repairs.add(Repair.FINISH_REASON if choices else Repair.HEAD)
            return out
        out += self._pass_on(_Chunk(chunk, places, self._is_in_order(view, places)))
        return out

    def flush(self) -> list[bytes]:
        """What has waited, at the end.

        Raises:
            UpstreamError: 502, a call never got its name.
        """
        provided = [item for item in sorted(self._state.choices.items()) if item[1].provided]
        for _, choice in provided:
            choice.calls.release(end=True)
        out = self._release()
        for index, choice in provided:
            out += self._state.late(index, choice)
        ends = {id(chunk): chunk for chunk in self._ends.values()}
        self._ends.clear()
        return out + [self._write(chunk) for chunk in ends.values()]

    def rescue(self) -> list[bytes]:
        """What has waited, before an error ends the stream; calls without a name are lost."""
        ends = {id(chunk): chunk for chunk in self._ends.values()}
        waiting = [*self._waiting, *ends.values()]
        self._waiting.clear()
        self._ends.clear()
        for chunk in waiting:
            for place in chunk.places:
                place.reason = ""
        return [
            self._write(chunk)
            for chunk in waiting
            if all(call.released for place in chunk.places for call, _, _ in place.calls)
        ]

    def usage(self) -> list[bytes]:
        """The provider's usage, if there is some and it was asked for."""
        if self._usage is None or not self._state.include_usage:
            return []
        counts = repair.usage_of(self._usage, self._state.tokens)
        if counts is not self._usage:
            self._state.repairs.add(Repair.USAGE)
        if self._last is None:
            return [self._state.chunk([], counts)]
        return [self._rebuild(self._last, [], counts)]

    def _is_in_order(self, view: ChunkView, places: list[Place]) -> bool:
        """Whether a chunk is what OpenAI would send, but for its choices."""
        state = self._state
        if not (
            view.choices is not None
            and view.id == state.id
            and view.created == state.created
            and view.object == OBJECT
            and view.model == state.model
            and (view.service_tier is None or view.tier_is_known)
        ):
            state.repairs.add(Repair.HEAD)
            return False
        usage_in_order = bytes(view.usage) == (_NULL if state.include_usage else b"")
        return usage_in_order and len(places) == len(view.choices)

    @property
    def _is_over(self) -> bool:
        """Whether every choice has ended."""
        choices = self._state.choices
        return bool(choices) and len(self._ends) == len(choices)

    def _join_halves(self, chunk: bytes) -> bytes:
        """A chunk whose contents have whole characters only."""
        fields = decode_object(chunk)
        choices = (
            decode_objects(fields["choices"]) if is_present(fields.get("choices", NULL)) else []
        )
        for position, choice in enumerate(choices):
            if opening(choice.get("delta", NULL)) != ord("{"):
                continue
            delta = decode_object(choice["delta"])
            text = msgspec.json.decode(delta.get("content", NULL))
            index = integer_or_none(msgspec.json.decode(choice.get("index", NULL)))
            said = self._state.choice(position if index is None else index)
            if isinstance(text, str):
                joined, said.half = surrogates.join(said.half, text)
                choice["delta"] = raw(delta | {"content": raw(joined)})
        self._halves = any(choice.half for choice in self._state.choices.values())
        self._state.repairs.add(Repair.UNICODE)
        if choices:
            fields["choices"] = raw(choices)
        return surrogates.clean(encode(fields).decode()).encode()

    def _begin(self, view: ChunkView, output: Output) -> list[bytes]:
        """Settle what all chunks have in common; the chunks that had to wait for it."""
        if not self._state.id:
            self._state.created = view.time or self._state.created
            self._state.model = view.model_name or self._state.model
            identity = view.identity or completion_id(output.id)
            self._state.begin(identity, view.model_name or output.model)
        early, self._early = self._early, []
        return [self._rebuild(chunk, [], NULL) for chunk in early]

    def _place_all(self, chunk: bytes, choices: list[ChoiceView]) -> list[Place]:
        places = []
        for position, view in enumerate(choices):
            index = position if view.number is None else view.number
            if index in self._ends:
                given = decode_objects(decode_object(chunk)["choices"])[position]
                if not says_something(given):
                    continue
                self._go_on(index)
            places.append(self._place(position, index, view))
        return places

    def _place(self, position: int, index: int, view: ChoiceView) -> Place:
        """Where a choice belongs."""
        choice = self._state.choice(index)
        first, choice.begun = not choice.begun, True
        choice.provided = True
        place = Place(position, index, view, first=first)
        delta = view.delta or DeltaView()
        if delta.function_call is not None:
            choice.legacy = True
            choice.legacy_argued |= delta.function_call.has_arguments
        if delta.tool_calls:
            place.calls = choice.calls.place([call.piece() for call in delta.tool_calls])
            self._calling.add(index)
        choice.spoke = choice.spoke or bool(delta.content or choice.calls or choice.legacy)
        if place.reason:
            place.reason = self._state.reason(choice, place.reason)
            choice.reason = place.reason
        return place

    def _go_on(self, index: int) -> None:
        """A choice goes on after its end: what it ended with was no end."""
        chunk = self._ends.pop(index)
        self._state.repairs.add(Repair.FINISH_REASON)
        self._state.choice(index).finished = False
        for place in chunk.places:
            place.reason = ""
            other = self._ends.pop(place.index, None)
            if other is not None:
                self._state.choice(place.index).finished = False
        self._waiting.append(chunk)

    def _pass_on(self, chunk: _Chunk) -> list[bytes]:
        """What goes out for a chunk: itself, mostly."""
        waits = bool(self._waiting)
        for place in chunk.places:
            waits = waits or bool(place.reason or place.calls)
        if not waits:
            return [self._write(chunk)]
        self._keep(chunk)
        return self._release()

    def _keep(self, chunk: _Chunk) -> None:
        """Let a chunk wait: for a call's name, or for the end if all of it ends there."""
        if chunk.places and all(place.reason for place in chunk.places):
            for place in chunk.places:
                self._ends[place.index] = chunk
                self._state.choice(place.index).finished = True
            return
        for place in chunk.places:  # the others go on; this one is finished at the end
            place.reason = ""
        self._waiting.append(chunk)

    def _release(self) -> list[bytes]:
        """What need not wait any more."""
        if not self._waiting:
            return []
        for index in sorted(self._calling):
            choice = self._state.choice(index)
            choice.calls.release(end=choice.finished)
            if choice.calls.holds:
                return []
            self._calling.discard(index)
        released, self._waiting = self._waiting, []
        return [self._write(chunk) for chunk in released]

    def _write(self, chunk: _Chunk) -> bytes:
        in_order = chunk.in_order
        for place in chunk.places:
            in_order = in_order and place.in_order
        if in_order:
            return chunk.data
        self._state.repairs.update(*(place.faults() for place in chunk.places))
        return self._rebuild(chunk.data, chunk.places, NULL)

    def _rebuild(self, chunk: bytes, places: list[Place], counts: Raw) -> bytes:
        fields = self._common(chunk)
        choices = decode_objects(fields["choices"]) if places else []
        fields["choices"] = raw([rebuild(choices[place.position], place) for place in places])
        if self._state.include_usage:
            fields["usage"] = counts
        return encode(fields)

    def _common(self, chunk: bytes) -> Object:
        """The top level of a chunk, with what all chunks of the stream share, without usage."""
        fields = decode_object(chunk)
        fields["id"] = raw(self._state.id)
        fields["object"] = raw(OBJECT)
        fields["created"] = raw(self._state.created)
        fields["model"] = raw(self._state.model)
        fields.pop("usage", None)
        repair.drop_service_tier(fields)
        return fields
