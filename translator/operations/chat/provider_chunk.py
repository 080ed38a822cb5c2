"""One chunk of a provider's: how much of it is looked at, and how it is repaired.

What is wrong with a chunk is known only beside those before it: see
:mod:`translator.operations.chat.provider`. Here it is taken apart no further than need be, so that
fields nobody here knows keep their place and their digits.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from translator.ids import call_id
from translator.raw_json import (
    ABSENT,
    NULL,
    Object,
    decode_object,
    decode_objects,
    encode,
    integer_or_none,
    is_null,
    is_present,
    opening,
    raw,
    text_or_none,
)
from translator.tasks.generation import FINISH_REASONS, finish_reason
from translator.tasks.tool_calls import CallPiece

OBJECT = "chat.completion.chunk"
_DOOMSDAY = 10**12
_EMPTY, _NONE = Raw(b"{}"), Raw(b"[]")
_ASSISTANT, _FUNCTION = Raw(b'"assistant"'), Raw(b'"function"')


class FunctionView(msgspec.Struct):
    """The function of a call."""

    name: Any = None
    arguments: Raw = ABSENT

    @property
    def has_arguments(self) -> bool:
        """Whether it adds to the arguments."""
        return is_present(self.arguments)


class CallView(msgspec.Struct):
    """A tool call of a delta."""

    index: Any = None
    id: Any = None
    type: Any = None
    function: FunctionView | None = None

    def piece(self) -> CallPiece:
        """What it says of which call; its arguments matter only in so far as there are some."""
        function = self.function or FunctionView()
        arguments = "{}" if function.has_arguments else ""
        return CallPiece(
            integer_or_none(self.index),
            text_or_none(self.id),
            text_or_none(function.name),
            arguments,
        )

    def is_in_order(self, number: int, *, begins: bool) -> bool:
        """Whether it is as OpenAI would send it: the first or a later piece of call ``number``."""
        function = self.function or FunctionView()
        return (
            self.index == number
            and (bool(self.id) if begins else self.id is None)
            and (self.type is not None if begins else not function.name)
            and bytes(memoryview(function.arguments)[:1]) in (b"", b'"', b"n")
        )


class DeltaView(msgspec.Struct):
    """What a chunk adds to a choice."""

    role: Any = None
    tool_calls: list[CallView] | None = None
    function_call: FunctionView | None = None


class ChoiceView(msgspec.Struct):
    """A choice of a chunk, or of a whole completion if it has a message."""

    index: Any = None
    delta: DeltaView | None = None
    message: dict[str, Raw] | None = None
    finish_reason: Any = UNSET

    @property
    def number(self) -> int | None:
        """Its index, if that is one."""
        return integer_or_none(self.index)

    def is_in_order(self, *, first: bool) -> bool:
        """Whether it is as OpenAI would send it, but for its calls: a choice's first or a later."""
        return (
            self.number is not None
            and self.delta is not None
            and self.delta.role == ("assistant" if first else None)
            and (self.finish_reason is None or self.finish_reason in FINISH_REASONS)
        )


class ChunkView(msgspec.Struct):
    """As much of a chunk as it takes to see whether it is in order. What is Any may be anything."""

    id: Any = None
    object: Any = None
    created: Any = None
    model: Any = None
    choices: list[ChoiceView] | None = None
    usage: Raw = ABSENT

    @property
    def identity(self) -> str | None:
        """Its id, if that is one."""
        return text_or_none(self.id)

    @property
    def model_name(self) -> str | None:
        """Its model, if that is one."""
        return text_or_none(self.model)

    @property
    def time(self) -> int | None:
        """When it was created in seconds since the epoch, if that is a time."""
        is_time = isinstance(self.created, int | float) and 0 < self.created < _DOOMSDAY
        return int(self.created) if is_time else None


decode_view = msgspec.json.Decoder(ChunkView).decode


@dataclass(frozen=True, slots=True)
class Place:
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


def split(completion: bytes) -> list[bytes]:
    """A whole completion as chunks: for each choice what it says and why it ended, then usage."""
    fields = decode_object(completion)
    choices = decode_objects(fields.pop("choices"))
    usage = fields.pop("usage", NULL)
    parts = []
    for position, choice in enumerate(choices):
        if is_null(choice.get("index")):
            choice["index"] = raw(position)
        index = choice["index"]
        end = {"index": index, "delta": _EMPTY, "finish_reason": choice.pop("finish_reason", NULL)}
        message = choice.pop("message", NULL)
        delta = choice.get("delta", _EMPTY) if message == NULL else message
        parts += [[choice | {"delta": delta}], [end]]
    chunks = [fields | {"choices": raw(part)} for part in parts]
    if is_present(usage):
        chunks.append(fields | {"choices": _NONE, "usage": usage})
    return [*map(encode, chunks)]


def repair(choice: Object, place: Place) -> Object:
    """A choice of a chunk as OpenAI would have sent it there."""
    delta = decode_object(choice["delta"]) if choice.get("delta", NULL) != NULL else {}
    role = delta.pop("role", NULL)
    if place.first:
        delta = {"role": role if is_present(role) else _ASSISTANT} | delta
    if place.calls:
        calls = zip(decode_objects(delta["tool_calls"]), place.calls, strict=True)
        delta["tool_calls"] = raw([_call(call, *where) for call, where in calls])
    word = msgspec.json.decode(choice.get("finish_reason", NULL))
    return choice | {
        "index": raw(place.index),
        "delta": raw(delta),
        "finish_reason": raw(finish_reason(str(word)) if word else None),
    }


def _call(call: Object, number: int, begins: bool) -> Object:  # noqa: FBT001 -- a pair unpacked
    """A tool call of a delta: what stands in it once, and arguments that are text."""
    if begins:
        if not is_present(call.get("id", NULL)):
            call["id"] = raw(call_id())
        if not is_present(call.get("type", NULL)):
            call["type"] = _FUNCTION
    else:
        call = {name: value for name, value in call.items() if name not in ("id", "type")}
    if not is_null(call.get("function")):
        function = decode_object(call["function"])
        if not begins:
            function.pop("name", None)
        arguments = function.get("arguments", NULL)
        if opening(arguments) == ord("{"):
            function["arguments"] = raw(bytes(arguments).decode())
        call["function"] = raw(function)
    return {"index": raw(number)} | call | {"index": raw(number)}


def is_chunk(complete: bytes) -> bool:
    """Whether a provider's object is a piece of a stream, and not a whole completion."""
    try:
        choices = decode_view(complete).choices or []
    except msgspec.ValidationError:
        return False
    return any(choice.delta is not None for choice in choices)
