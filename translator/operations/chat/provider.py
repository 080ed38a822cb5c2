"""Chat completion chunks of a provider, which a runtime forwards unchanged.

A chunk that OpenAI could have sent passes unchanged. Providers that imitate OpenAI's API repeat the
role, number tool calls from 1 or not at all, change id and time between chunks, send no finish
reason, or send usage that was not requested. Such a chunk is repaired and keeps its other fields,
and a stream is completed at its end.

Some chunks are held: see :mod:`translator.operations.chat.held_chunks`. A provider's whole
``chat.completion`` is split into chunks.
"""

import msgspec
from msgspec import Raw

from translator import surrogates
from translator.errors import unreadable
from translator.ids import completion_id
from translator.operations import provider
from translator.operations.chat import repair
from translator.operations.chat.held_chunks import Chunk, HeldChunks
from translator.operations.chat.provider_chunk import Place, rebuild, says_something, split
from translator.operations.chat.provider_size import check_size
from translator.operations.chat.provider_views import (
    OBJECT,
    ChoiceView,
    ChunkView,
    DeltaView,
    decode_view,
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
    text_or_none,
)
from translator.tasks import usage
from translator.tasks.generation import Output
from translator.tasks.repair import Repair

_NULL = bytes(NULL)


def read_provided(text: str) -> tuple[bytes, bool]:
    """A provider's object as compact JSON, and whether it contains half a surrogate pair.

    Raises:
        UpstreamError: see :func:`check_size` and :func:`translator.operations.provider.read`.
    """
    marked = surrogates.mark_text(text)
    try:
        check_size(marked)
    except (msgspec.DecodeError, RecursionError) as error:
        raise unreadable() from error
    return provider.read(marked), marked != text


class ProviderChunks:
    """The chunks of one stream, repaired if necessary.

    Args:
        state: the state of the stream; the first chunk sets the fields that all chunks share.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._held = HeldChunks(state)
        self._usage: Raw | None = None
        self._early: list[bytes] = []
        self._has_halves = False  # some wait for their other halves
        self._last: bytes | None = None  # the provider's own chunk with the usage

    def take(self, chunk: bytes, output: Output, *, marked: bool = False) -> None:
        """Translate a chunk.

        Args:
            chunk: the provider's object as compact JSON.
            output: the output that contained it, for the id if the chunk has none.
            marked: whether it contains half a surrogate pair.

        Raises:
            UpstreamError: 502, it is neither a chunk nor a completion.
        """
        try:
            if marked or self._has_halves:
                chunk = self._join_halves(chunk)
            chunk, view = self._decode(chunk)
            if not view.is_whole:
                self._take(chunk, view, output, marked=marked)
                return
            parts = split(chunk, self._state.repairs)
            for part, part_view in [*map(self._decode, parts)]:
                self._take(part, part_view, output, marked=marked)
        except msgspec.ValidationError as error:
            raise unreadable() from error

    def flush(self) -> None:
        """Send the held chunks at the end.

        Raises:
            UpstreamError: 502, a call has no name.
        """
        self._send(self._held.release(end=True))
        for chunk in self._held.ends():
            choices = [(place.index, self._state.choice(place.index)) for place in chunk.places]
            late = [more for item in choices for more in self._state.late(*item)]
            if late and not chunk.is_empty:  # what the chunk says comes before that, its end after
                for place, (_, choice) in zip(chunk.places, choices, strict=True):
                    place.reason = ""
                    choice.finished = False
                self._send([chunk])
                self._state.out += late
            else:
                self._state.out += late
                self._send([chunk])

    def rescue(self) -> None:
        """Send the held chunks before an error ends the stream; calls without a name are lost."""
        self._send(self._held.rescue())

    def usage(self) -> list[bytes]:
        """The chunk with the provider's usage, if there is one and the client requested it."""
        if not self._state.include_usage:
            return []
        if self._usage is None:
            if any(choice.provided for choice in self._state.choices.values()):
                self._state.repairs.add(Repair.USAGE)
            return []
        counts = repair.usage_of(self._usage, self._state.tokens, self._state.repairs)
        if self._last is None:
            return [self._state.chunk([], counts)]
        return [self._rebuild(self._last, [], counts)]

    def _decode(self, chunk: bytes) -> tuple[bytes, ChunkView]:
        """A chunk whose fields have the right types, and its view.

        Raises:
            msgspec.ValidationError: it cannot be repaired.
        """
        try:
            return chunk, decode_view(chunk)
        except msgspec.ValidationError:
            chunk = bytes(repair.fit(chunk, ChunkView, self._state.repairs))
            return chunk, decode_view(chunk)

    def _take(self, chunk: bytes, view: ChunkView, output: Output, *, marked: bool) -> None:
        choices = view.choices or []
        counts = is_present(view.usage)
        if counts:
            self._usage = Raw(bytes(view.usage))
            self._state.tokens = usage.of_usage(self._usage)
        if not (self._state.id or view.identity or choices):  # Azure's prompt filter results
            self._early.append(chunk)
            return
        self._begin(view, output)
        if counts and not choices:
            self._last = chunk  # it is sent last
            return
        places = self._place_all(chunk, choices)
        if not places and (choices or self._held.has_all_ends):
            if counts:
                self._last = chunk
            self._state.repairs.add(Repair.FINISH_REASON if choices else Repair.HEAD)
            return
        made = Chunk(chunk, places, self._is_in_order(view, places), marked)
        if self._state.failure is None or not made.is_empty:
            self._send(self._held.take(made))

    def _is_in_order(self, view: ChunkView, places: list[Place]) -> bool:
        """Whether OpenAI could have sent the chunk, apart from its choices."""
        state = self._state
        if not (
            view.choices is not None
            and view.id == state.id
            and view.created == state.created
            and view.object == OBJECT
            and view.model == state.model
        ):
            state.repairs.add(Repair.HEAD)
            return False
        usage_in_order = bytes(view.usage) == (_NULL if state.include_usage else b"")
        return usage_in_order and len(places) == len(view.choices)

    def _join_halves(self, chunk: bytes) -> bytes:
        """Join the surrogate halves in the texts of a chunk."""
        fields = decode_object(chunk)
        choices = (
            decode_objects(fields["choices"]) if is_present(fields.get("choices", NULL)) else []
        )
        for position, choice in enumerate(choices):
            if opening(choice.get("delta", NULL)) != ord("{"):
                continue
            delta = decode_object(choice["delta"])
            index = integer_or_none(msgspec.json.decode(choice.get("index", NULL)))
            said = self._state.choice(position if index is None else index)
            for name in repair.TEXTS:
                text = msgspec.json.decode(delta.get(name, NULL))
                if isinstance(text, str):
                    delta[name] = raw(said.join(name, text))
            choice["delta"] = raw(delta)
        self._has_halves = any(choice.halves for choice in self._state.choices.values())
        self._state.repairs.add(Repair.UNICODE)
        if choices:
            fields["choices"] = raw(choices)
        return encode(fields)

    def _begin(self, view: ChunkView, output: Output) -> None:
        """Set the fields that all chunks share, and send the chunks that waited for them."""
        if not self._state.id:
            self._state.created = view.time or self._state.created
            named = surrogates.clean(view.model_name or "")
            self._state.model = named or self._state.model
            identity = surrogates.clean(view.identity or "") or completion_id(output.id)
            self._state.begin(identity, named or output.model)
        early, self._early = self._early, []
        self._state.out += [self._rebuild(chunk, [], NULL) for chunk in early]

    def _place_all(self, chunk: bytes, choices: list[ChoiceView]) -> list[Place]:
        places: list[Place] = []
        for position, view in enumerate(choices):
            number = view.number
            index = position if number is None else number
            if index < position and any(place.index == index for place in places):
                index = position  # all choices have the same index
            if self._held.has_end(index):
                if not says_something(chunk, position):
                    continue
                self._held.go_on(index)
            places.append(self._place(position, index, view))
        return places

    def _place(self, position: int, index: int, view: ChoiceView) -> Place:
        """The place of a choice."""
        choice = self._state.choice(index)
        first, choice.begun = not choice.begun, True
        choice.provided = True
        place = Place(position, index, view, first=first)
        delta = view.delta or DeltaView()
        if delta.function_call is not None:
            function = delta.function_call
            name, arguments = text_or_none(function.name), repair.arguments_of(function.arguments)
            place.function = choice.call_function(name, arguments)
        if delta.tool_calls:
            place.pieces = [call.piece() for call in delta.tool_calls]
            place.calls = choice.calls.place(place.pieces)
        said = delta.content or delta.refusal or delta.reasoning_content
        choice.spoke = choice.spoke or bool(said or choice.calls or choice.legacy)
        if place.reason:
            place.reason = self._state.reason(choice, place.reason)
            choice.reason = place.reason
        return place

    def _send(self, chunks: list[Chunk]) -> None:
        self._state.out += map(self._write, chunks)

    def _write(self, chunk: Chunk) -> bytes:
        in_order = chunk.in_order
        for place in chunk.places:
            in_order = in_order and place.in_order
        data = chunk.data
        if not in_order:
            self._state.repairs.update(*(place.faults() for place in chunk.places))
            data = self._rebuild(data, chunk.places, NULL)
        return surrogates.clean(data.decode()).encode() if chunk.marked else data

    def _rebuild(self, chunk: bytes, places: list[Place], counts: Raw) -> bytes:
        fields = self._common(chunk)
        choices = decode_objects(fields["choices"]) if places else []
        fields["choices"] = raw([rebuild(choices[place.position], place) for place in places])
        if self._state.include_usage:
            fields["usage"] = counts
        return encode(fields)

    def _common(self, chunk: bytes) -> Object:
        """The top level of a chunk with the fields that all chunks share, without usage."""
        fields = decode_object(chunk)
        fields["id"] = raw(self._state.id)
        fields["object"] = raw(OBJECT)
        fields["created"] = raw(self._state.created)
        fields["model"] = raw(self._state.model)
        fields.pop("usage", None)
        return fields
