"""Chat completion chunks of a provider, which Seldon's OpenAI runtime passes on in ``output_all``.

They are OpenAI's already and go out as they came, as long as they are what OpenAI itself would
send. Providers that are only compatible repeat the role, number tool calls from 1 or not at all,
change id and time from chunk to chunk, never say why they finished, or give usage unasked; a chunk
at fault is put right, everything else in it is left alone, and a stream is completed at its end.

A provider's whole ``chat.completion`` becomes the chunks that it would have been.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from translator.endpoints.chat_answer import completion_id
from translator.endpoints.chat_state import State
from translator.endpoints.chat_tensors import openai_reason
from translator.endpoints.tool_calls import CallPiece, new_call_id
from translator.oip.response import InferenceResponse, is_present, unreadable
from translator.openai.chat import FINISH_REASONS
from translator.openai.request import is_null

_DOOMSDAY = 10**12  # seconds since the epoch
_OBJECT = "chat.completion.chunk"
_NULL = Raw(b"null")
_EMPTY, _NONE = Raw(b"{}"), Raw(b"[]")
_ASSISTANT, _FUNCTION = Raw(b'"assistant"'), Raw(b'"function"')

_Object = dict[str, Raw]


class _FunctionView(msgspec.Struct):
    name: Any = None
    arguments: Raw = Raw()


class _CallView(msgspec.Struct):
    index: Any = None
    id: Any = None
    type: Any = None
    function: _FunctionView | None = None


class _DeltaView(msgspec.Struct):
    role: Any = None
    tool_calls: list[_CallView] | None = None
    function_call: _FunctionView | None = None


class _ChoiceView(msgspec.Struct):
    index: Any = None
    delta: _DeltaView | None = None
    message: dict[str, Raw] | None = None
    finish_reason: Any = UNSET


class _View(msgspec.Struct):
    """As much of a chunk as it takes to see whether it is in order. What is Any may be anything."""

    id: Any = None
    object: Any = None
    created: Any = None
    model: Any = None
    choices: list[_ChoiceView] | None = None
    usage: Raw = Raw()


_decode_view = msgspec.json.Decoder(_View).decode
_decode_object = msgspec.json.Decoder(_Object).decode
_decode_objects = msgspec.json.Decoder(list[_Object]).decode
_encode = msgspec.json.Encoder().encode


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
        state: what is known of the stream; the first chunk settles what all have in common.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._usage: Raw | None = None
        self._early: list[bytes] = []
        self._last: bytes | None = None  # the provider's own chunk with the usage

    def take(self, chunk: bytes, response: InferenceResponse) -> list[bytes]:
        """The chunks that go out for one that came in, compact JSON both.

        Args:
            chunk: the text in ``output_all``.
            response: the response that held it, for the id if the chunk has none.

        Raises:
            UpstreamError: 502, it is neither a chunk nor a completion.
        """
        try:
            view = _decode_view(chunk)
        except msgspec.ValidationError as error:
            raise unreadable() from error
        choices = view.choices or []
        if is_present(view.usage):
            self._usage = Raw(bytes(view.usage))
        if not (self._state.id or _text(view.id) or choices):  # Azure's verdict on the prompt
            self._early.append(chunk)
            return []
        out = self._begin(view, response)
        if any(choice.message is not None and choice.delta is None for choice in choices):
            return out + [more for part in _split(chunk) for more in self.take(part, response)]
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
            and view.object == _OBJECT
            and view.model == self._state.model
            and bytes(view.usage) == (b"null" if self._state.include_usage else b"")
            and all(place is not None and place.in_order for place in placed)
        )
        return [*out, chunk if in_order else self._rebuild(chunk, places, _NULL)]

    def close(self) -> list[bytes]:
        """The usage, if there is some and it was asked for."""
        if self._usage is None or not self._state.include_usage:
            return []
        return [self._last or self._state.chunk([], self._usage)]

    def _begin(self, view: _View, response: InferenceResponse) -> list[bytes]:
        """Settle what all chunks have in common; the chunks that had to wait for it."""
        if not self._state.id:
            if isinstance(view.created, int | float) and 0 < view.created < _DOOMSDAY:
                self._state.created = int(view.created)
            self._state.model = _text(view.model) or self._state.model
            identity = _text(view.id) or completion_id(response)
            self._state.begin(identity, model=response.model_name)
        early, self._early = self._early, []
        return [self._rebuild(chunk, [], _NULL) for chunk in early]

    def _place(self, position: int, view: _ChoiceView) -> _Place | None:
        """Where a choice belongs, or None when that one had finished before."""
        index = _number(view.index)
        choice = self._state.choice(position if index is None else index)
        if choice.finished:
            return None
        first, choice.begun = not choice.begun, True
        reason = None if view.finish_reason is UNSET else view.finish_reason
        choice.finished = bool(reason)
        delta = view.delta or _DeltaView()
        if delta.function_call is not None:
            choice.legacy = True
            choice.legacy_argued |= _argued(delta.function_call)
        in_order = (
            index is not None
            and view.delta is not None
            and view.finish_reason is not UNSET
            and (reason is None or reason in FINISH_REASONS)
            and delta.role == ("assistant" if first else None)
        )
        calls = []
        for call in delta.tool_calls or ():
            function = call.function or _FunctionView()
            identity, name, argued = _text(call.id), _text(function.name), _argued(function)
            piece = CallPiece(_number(call.index), identity, name, "{}" if argued else "")
            number, begins = choice.calls.place(piece)
            calls.append((number, begins))
            in_order = (
                in_order
                and call.index == number
                and call.id == identity
                and (identity is not None) == begins
                and (call.type is not None if begins else not name)
                and bytes(memoryview(function.arguments)[:1]) in (b"", b'"', b"n")
            )
        return _Place(position, position if index is None else index, first, calls, in_order)

    def _rebuild(self, chunk: bytes, places: list[_Place], usage: Raw) -> bytes:
        fields = self._common(chunk)
        choices = _decode_objects(fields["choices"]) if places else []
        fields["choices"] = _raw([_put_right(choices[place.position], place) for place in places])
        if self._state.include_usage:
            fields["usage"] = usage
        return _encode(fields)

    def _common(self, chunk: bytes) -> _Object:
        """The top level of a chunk, with what all chunks of the stream share, without usage."""
        fields = _decode_object(chunk)
        fields["id"] = _raw(self._state.id)
        fields["object"] = _raw(_OBJECT)
        fields["created"] = _raw(self._state.created)
        fields["model"] = _raw(self._state.model or "")
        fields.pop("usage", None)
        return fields


def _split(completion: bytes) -> list[bytes]:
    """A whole completion as chunks: for each choice what it says and why it ended, then usage."""
    fields = _decode_object(completion)
    choices = _decode_objects(fields.pop("choices"))
    usage = fields.pop("usage", _NULL)
    parts = []
    for position, choice in enumerate(choices):
        if is_null(choice.get("index")):
            choice["index"] = _raw(position)
        index = choice["index"]
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
    word = msgspec.json.decode(choice.get("finish_reason", _NULL))
    return choice | {
        "index": _raw(place.index),
        "delta": _raw(delta),
        "finish_reason": _raw(openai_reason(str(word)) if word else None),
    }


def _call(call: _Object, number: int, begins: bool) -> _Object:  # noqa: FBT001 -- a pair unpacked
    """A tool call of a delta: what stands in it once, and arguments that are text."""
    if begins:
        if not is_present(call.get("id", _NULL)):
            call["id"] = _raw(new_call_id())
        if not is_present(call.get("type", _NULL)):
            call["type"] = _FUNCTION
    else:
        call = {name: value for name, value in call.items() if name not in ("id", "type")}
    if not is_null(call.get("function")):
        function = _decode_object(call["function"])
        if not begins:
            function.pop("name", None)
        arguments = function.get("arguments", _NULL)
        if memoryview(arguments)[0] == ord("{"):
            function["arguments"] = _raw(bytes(arguments).decode())
        call["function"] = _raw(function)
    return {"index": _raw(number)} | call | {"index": _raw(number)}


def _text(value: object) -> str | None:
    return value if value and isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _argued(function: _FunctionView) -> bool:
    return is_present(function.arguments)


def is_chunk(complete: bytes) -> bool:
    """Whether a provider's object is a piece of a stream, and not a whole completion."""
    try:
        choices = _decode_view(complete).choices or []
    except msgspec.ValidationError:
        return False
    return any(choice.delta is not None for choice in choices)


def _raw(value: object) -> Raw:
    return Raw(_encode(value))
