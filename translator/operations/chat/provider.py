"""Chat completion chunks of a provider, which a runtime passes on as they came.

They are OpenAI's already and go out as they came, as long as they are what OpenAI itself would
send. Providers that are only compatible repeat the role, number tool calls from 1 or not at all,
change id and time from chunk to chunk, never say why they finished, or give usage unasked; a chunk
at fault is repaired, everything else in it is left alone, and a stream is completed at its end.

A provider's whole ``chat.completion`` becomes the chunks that it would have been.
"""

import msgspec
from msgspec import Raw

from translator.errors import unreadable
from translator.ids import completion_id
from translator.operations.chat.provider_chunk import (
    OBJECT,
    ChoiceView,
    ChunkView,
    DeltaView,
    Place,
    decode_view,
    repair,
    split,
)
from translator.operations.chat.state import State
from translator.raw_json import (
    NULL,
    Object,
    decode_object,
    decode_objects,
    encode,
    is_present,
    raw,
)
from translator.tasks import usage
from translator.tasks.generation import Output


class ProviderChunks:
    """The chunks of one stream, repaired where need be.

    Args:
        state: what is known of the stream; the first chunk settles what all have in common.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._usage: Raw | None = None
        self._early: list[bytes] = []
        self._last: bytes | None = None  # the provider's own chunk with the usage

    def take(self, chunk: bytes, output: Output) -> list[bytes]:
        """The chunks that go out for one that came in, compact JSON both.

        Args:
            chunk: the provider's object.
            output: what held it, for the id if the chunk has none.

        Raises:
            UpstreamError: 502, it is neither a chunk nor a completion.
        """
        try:
            view = decode_view(chunk)
        except msgspec.ValidationError as error:
            raise unreadable() from error
        choices = view.choices or []
        if is_present(view.usage):
            self._usage = Raw(bytes(view.usage))
            self._state.tokens = usage.of_usage(self._usage)
        if not (self._state.id or view.identity or choices):  # Azure's verdict on the prompt
            self._early.append(chunk)
            return []
        out = self._begin(view, output)
        if any(choice.message is not None and choice.delta is None for choice in choices):
            return out + [more for part in split(chunk) for more in self.take(part, output)]
        if self._usage is not None and is_present(view.usage) and not choices:
            self._last = self._rebuild(chunk, [], self._usage)  # it has to come last
            return out
        placed = [self._place(position, choice) for position, choice in enumerate(choices)]
        places = [place for place in placed if place is not None]
        if choices and not places:
            return out
        in_order = (
            view.choices is not None
            and view.id == self._state.id
            and view.created == self._state.created
            and view.object == OBJECT
            and view.model == self._state.model
            and bytes(view.usage) == (b"null" if self._state.include_usage else b"")
            and all(place is not None and place.in_order for place in placed)
        )
        return [*out, chunk if in_order else self._rebuild(chunk, places, NULL)]

    def close(self) -> list[bytes]:
        """The usage, if there is some and it was asked for."""
        if self._usage is None or not self._state.include_usage:
            return []
        return [self._last or self._state.chunk([], self._usage)]

    def _begin(self, view: ChunkView, output: Output) -> list[bytes]:
        """Settle what all chunks have in common; the chunks that had to wait for it."""
        if not self._state.id:
            self._state.created = view.time or self._state.created
            self._state.model = view.model_name or self._state.model
            identity = view.identity or completion_id(output.id)
            self._state.begin(identity, view.model_name or output.model)
        early, self._early = self._early, []
        return [self._rebuild(chunk, [], NULL) for chunk in early]

    def _place(self, position: int, view: ChoiceView) -> Place | None:
        """Where a choice belongs, or None when that one had finished before."""
        index = position if view.number is None else view.number
        choice = self._state.choice(index)
        if choice.finished:
            return None
        first, choice.begun = not choice.begun, True
        choice.finished = bool(view.finish_reason)
        delta = view.delta or DeltaView()
        if delta.function_call is not None:
            choice.legacy = True
            choice.legacy_argued |= delta.function_call.has_arguments
        in_order = view.is_in_order(first=first)
        calls = []
        for call in delta.tool_calls or ():
            number, begins = choice.calls.place(call.piece())
            in_order = in_order and call.is_in_order(number, begins=begins)
            calls.append((number, begins))
        return Place(position, index, first, calls, in_order)

    def _rebuild(self, chunk: bytes, places: list[Place], counts: Raw) -> bytes:
        fields = self._common(chunk)
        choices = decode_objects(fields["choices"]) if places else []
        fields["choices"] = raw([repair(choices[place.position], place) for place in places])
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
        return fields
