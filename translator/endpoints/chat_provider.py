"""Chat completion chunks of a provider, which Seldon's OpenAI runtime passes on in ``output_all``.

They are OpenAI's already and go out as they came, as long as they are what OpenAI itself would
send. Providers that are only compatible repeat the role, number tool calls from 1 or not at all,
change id and time from chunk to chunk, never say why they finished, or give usage unasked; a chunk
at fault is put right, everything else in it is left alone, and a stream is completed at its end.

A provider's whole ``chat.completion`` becomes the chunks that it would have been.
"""

from dataclasses import dataclass

import msgspec
from msgspec import UNSET, Raw, UnsetType

from translator.endpoints.chat_answer import completion_id
from translator.endpoints.chat_head import Head
from translator.endpoints.chat_tensors import finish_reason
from translator.endpoints.tool_calls import CallPiece, Calls, new_call_id
from translator.oip.response import InferenceResponse, is_present
from translator.openai.chat import ChunkChoice, Delta

_OBJECT = "chat.completion.chunk"
_NULL = Raw(b"null")
_EMPTY, _NONE = Raw(b"{}"), Raw(b"[]")
_ASSISTANT, _FUNCTION = Raw(b'"assistant"'), Raw(b'"function"')

_Object = dict[str, Raw]


class _FunctionView(msgspec.Struct):
    name: str | None = None


class _CallView(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: _FunctionView | None = None


class _DeltaView(msgspec.Struct):
    role: str | None = None
    tool_calls: list[_CallView] | None = None
    function_call: dict[str, Raw] | None = None


class _ChoiceView(msgspec.Struct):
    index: int | None = None
    delta: _DeltaView | None = None
    message: dict[str, Raw] | None = None
    finish_reason: str | UnsetType | None = UNSET


class _View(msgspec.Struct):
    """As much of a chunk as it takes to see whether it is in order."""

    id: str | None = None
    object: str | None = None
    created: float | None = None
    model: str | None = None
    choices: list[_ChoiceView] | None = None
    usage: Raw = Raw()


_decode_view = msgspec.json.Decoder(_View).decode
_decode_object = msgspec.json.Decoder(_Object).decode
_decode_objects = msgspec.json.Decoder(list[_Object]).decode
_encode = msgspec.json.Encoder().encode


class _Choice:
    """What has been said so far of one choice."""

    __slots__ = ("begun", "calls", "finished", "legacy")

    def __init__(self) -> None:
        self.begun = False
        self.calls = Calls()
        self.legacy = False
        self.finished = False


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a choice of a chunk belongs.

    Attributes:
        position: in the chunk.
        index: which choice of the answer it goes on with.
        first: it is that choice's first.
        calls: for each of its tool calls, the number and whether it begins there.
        in_order: the chunk says all that already.
    """

    position: int
    index: int
    first: bool
    calls: list[tuple[int, bool]]
    in_order: bool


class ProviderChunks:
    """The chunks of one stream, put right where need be.

    Args:
        head: what all chunks have in common; the first one settles it.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._choices: dict[int, _Choice] = {}
        self._usage: Raw | None = None
        self._early: list[bytes] = []
        self._last: bytes | None = None  # the provider's own chunk with the usage

    def take(self, chunk: bytes, response: InferenceResponse) -> list[bytes]:
        """The chunks that go out for one that came in, compact JSON both.

        Args:
            chunk: the text in ``output_all``.
            response: the response that held it, for the id if the chunk has none.
        """
        try:
            view = _decode_view(chunk)
        except msgspec.ValidationError:
            return [chunk]  # not quite a chunk, but the provider's own words all the same
        choices = view.choices or []
        if is_present(view.usage):
            self._usage = Raw(bytes(view.usage))
        if not (self._head.id or view.id or choices):  # Azure's verdict on the prompt, for one
            self._early.append(chunk)
            return []
        early = self._begin(view, response)
        if any(choice.message is not None and choice.delta is None for choice in choices):
            return early + [out for part in _split(chunk) for out in self.take(part, response)]
        if self._usage is not None and is_present(view.usage) and not choices:
            self._last = self._rebuild(chunk, [], self._usage)  # it has to come last
            return early
        places = [
            place
            for position, choice in enumerate(choices)
            if (place := self._place(position, choice)) is not None
        ]
        if choices and not places:
            return early
        in_order = (
            view.choices is not None
            and view.id == self._head.id
            and view.created == self._head.created
            and view.object == _OBJECT
            and view.model
            and bytes(view.usage) == (b"null" if self._head.include_usage else b"")
            and len(places) == len(choices)
            and all(place.in_order for place in places)
        )
        return [*early, chunk if in_order else self._rebuild(chunk, places, _NULL)]

    def close(self) -> list[bytes]:
        """What the provider left out at the end of its stream."""
        chunks = []
        for index, choice in sorted(self._choices.items()):
            if not choice.finished:
                reason = finish_reason("", called=bool(choice.calls), legacy=choice.legacy)
                chunks.append(self._head.chunk([ChunkChoice(index, Delta(), reason)]))
        if self._usage is not None and self._head.include_usage:
            chunks.append(self._last or self._head.chunk([], self._usage))
        return chunks

    def _begin(self, view: _View, response: InferenceResponse) -> list[bytes]:
        """Settle what all chunks have in common; the chunks that had to wait for it."""
        if not self._head.id:
            self._head.created = int(view.created or self._head.created)
            self._head.model = view.model or self._head.model
            self._head.begin(view.id or completion_id(response), model=response.model_name)
        early, self._early = self._early, []
        return [self._rebuild(chunk, [], _NULL) for chunk in early]

    def _place(self, position: int, view: _ChoiceView) -> _Place | None:
        """Where a choice belongs, or None when that one had finished before."""
        index = position if view.index is None else view.index
        choice = self._choices.setdefault(index, _Choice())
        if choice.finished:
            return None
        first, choice.begun = not choice.begun, True
        choice.finished = bool(view.finish_reason)
        delta = view.delta or _DeltaView()
        choice.legacy |= delta.function_call is not None
        in_order = (
            view.index is not None
            and view.delta is not None
            and view.finish_reason not in ("", UNSET)
            and delta.role != ""
            and bool(delta.role) == first
        )
        calls = []
        for call in delta.tool_calls or ():
            name = call.function.name if call.function else None
            piece = CallPiece(call.index, call.id or None, name or None, "")
            number, begins = choice.calls.place(piece)
            in_order &= call.index == number and call.id != "" and bool(call.id) == begins
            in_order &= call.type is not None if begins else not name
            calls.append((number, begins))
        return _Place(position, index, first, calls, in_order)

    def _rebuild(self, chunk: bytes, places: list[_Place], usage: Raw) -> bytes:
        fields = self._common(chunk)
        choices = _decode_objects(fields["choices"]) if places else []
        fields["choices"] = _raw([_put_right(choices[place.position], place) for place in places])
        if self._head.include_usage:
            fields["usage"] = usage
        return _encode(fields)

    def _common(self, chunk: bytes) -> _Object:
        """The top level of a chunk, with what all chunks of the stream share, without usage."""
        fields = _decode_object(chunk)
        fields["id"] = _raw(self._head.id)
        fields["object"] = _raw(_OBJECT)
        fields["created"] = _raw(self._head.created)
        if not is_present(fields.get("model", _NULL)):
            fields["model"] = _raw(self._head.model)
        fields.pop("usage", None)
        return fields


def _split(completion: bytes) -> list[bytes]:
    """A whole completion as chunks: for each choice what it says and why it ended, then usage."""
    fields = _decode_object(completion)
    choices = _decode_objects(fields.pop("choices"))
    usage = fields.pop("usage", _NULL)
    parts = []
    for position, choice in enumerate(choices):
        index = choice.setdefault("index", _raw(position))
        end = {"index": index, "delta": _EMPTY, "finish_reason": choice.pop("finish_reason", _NULL)}
        message = choice.pop("message", _NULL)
        delta = choice.get("delta", _EMPTY) if message == _NULL else message
        parts += [[choice | {"delta": delta}], [end]]
    chunks = [fields | {"choices": _raw(part)} for part in parts]
    if is_present(usage):
        chunks.append(fields | {"choices": _NONE, "usage": usage})
    return [*map(_encode, chunks)]


def _put_right(choice: _Object, place: _Place) -> _Object:
    """A choice of a chunk as OpenAI would have sent it there."""
    delta = _decode_object(choice["delta"]) if choice.get("delta", _NULL) != _NULL else {}
    role = delta.pop("role", _NULL)
    if place.first:
        delta = {"role": role if is_present(role) else _ASSISTANT} | delta
    if place.calls:
        calls = zip(_decode_objects(delta["tool_calls"]), place.calls, strict=True)
        delta["tool_calls"] = _raw([_call(call, *where) for call, where in calls])
    reason = choice.get("finish_reason", _NULL)
    return choice | {
        "index": _raw(place.index),
        "delta": _raw(delta),
        "finish_reason": reason if is_present(reason) else _NULL,
    }


def _call(call: _Object, number: int, begins: bool) -> _Object:  # noqa: FBT001 -- a pair unpacked
    if begins:
        if not is_present(call.get("id", _NULL)):
            call["id"] = _raw(new_call_id())
        if not is_present(call.get("type", _NULL)):
            call["type"] = _FUNCTION
    else:
        call = {name: value for name, value in call.items() if name not in ("id", "type")}
        if "function" in call:
            function = _decode_object(call["function"])
            function.pop("name", None)
            call["function"] = _raw(function)
    return {"index": _raw(number)} | call | {"index": _raw(number)}


def is_chunk(complete: bytes) -> bool:
    """Whether a provider's object is a piece of a stream, and not a whole completion."""
    try:
        choices = _decode_view(complete).choices or []
    except msgspec.ValidationError:
        return False
    return any(choice.delta is not None for choice in choices)


def _raw(value: object) -> Raw:
    return Raw(_encode(value))
