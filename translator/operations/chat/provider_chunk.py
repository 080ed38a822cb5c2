"""One chunk of a provider's: how much of it is looked at, and how it is repaired.

What is wrong with a chunk is known only beside those before it: see
:mod:`translator.operations.chat.provider`. Here it is taken apart no further than need be, so that
fields nobody here knows keep their place and their digits.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw

from translator.operations.chat import repair
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
    raw,
    text_or_none,
)
from translator.tasks.generation import FINISH_REASONS
from translator.tasks.repair import Repair
from translator.tasks.tool_calls import Call, CallPiece

OBJECT = "chat.completion.chunk"
_EMPTY, _NONE = Raw(b"{}"), Raw(b"[]")
_ASSISTANT = Raw(b'"assistant"')
_SILENT = (b"", b"null", b'""', b"[]", b"{}")


class FunctionView(msgspec.Struct):
    """The function of a call."""

    name: Any = UNSET
    arguments: Raw = ABSENT

    @property
    def has_arguments(self) -> bool:
        """Whether it adds to the arguments."""
        return is_present(self.arguments)


class CustomView(msgspec.Struct):
    """The custom tool of a call."""

    name: Any = UNSET
    input: Any = None


class CallView(msgspec.Struct):
    """A tool call of a delta. Null is not in order where a field should be absent."""

    index: Any = None
    id: Any = UNSET
    type: Any = UNSET
    function: FunctionView | None = None
    custom: CustomView | None = None

    def piece(self) -> CallPiece:
        """What it says of which call."""
        index, identity = integer_or_none(self.index), text_or_none(self.id)
        if self.custom is not None:
            name, text = text_or_none(self.custom.name), text_or_none(self.custom.input) or ""
            return CallPiece(index, identity, name, text, custom=True)
        function = self.function or FunctionView()
        arguments = repair.arguments_of(function.arguments)
        return CallPiece(index, identity, text_or_none(function.name), arguments)

    def is_in_order(self, call: Call, *, opens: bool) -> bool:
        """Whether it is as OpenAI would send it: the first or a later piece of the call."""
        function: FunctionView | CustomView = self.custom or self.function or FunctionView()
        arguments = b"" if self.custom else bytes(memoryview(self.arguments)[:1])
        return (
            self.index == call.number
            and self.id == (call.id if opens else UNSET)
            and (bool(self.type) if opens else self.type is UNSET)
            and function.name == (call.name if opens else UNSET)
            and arguments in ((b'"',) if opens and not self.custom else (b"", b'"', b"n"))
        )

    @property
    def arguments(self) -> Raw:
        """Those of its function."""
        return self.function.arguments if self.function is not None else ABSENT


class DeltaView(msgspec.Struct):
    """What a chunk adds to a choice."""

    role: Any = None
    content: Any = None
    tool_calls: list[CallView] | None = None
    function_call: FunctionView | None = None


class ChoiceView(msgspec.Struct):
    """A choice of a chunk, or of a whole completion if it has a message."""

    index: Any = None
    delta: DeltaView | None = None
    message: dict[str, Raw] | None = None
    finish_reason: Any = UNSET
    logprobs: Any = None

    @property
    def number(self) -> int | None:
        """Its index, if that is one."""
        return integer_or_none(self.index)

    @property
    def reason(self) -> str:
        """Why it ended in OpenAI's words, or ``error``; "" if it goes on."""
        word = self.finish_reason
        return "" if word is None or word is UNSET else repair.reason(word)

    def is_in_order(self, *, first: bool) -> bool:
        """Whether it is as OpenAI would send it, but for its calls: a choice's first or a later."""
        delta = self.delta
        return (
            self.number is not None
            and delta is not None
            and delta.role == ("assistant" if first else None)
            and (delta.content is None or isinstance(delta.content, str))
            and (self.finish_reason is None or self.finish_reason in FINISH_REASONS)
            and (self.logprobs is None or repair.are_logprobs_in_order(self.logprobs))
        )


class ChunkView(msgspec.Struct):
    """As much of a chunk as it takes to see whether it is in order. What is Any may be anything."""

    id: Any = None
    object: Any = None
    created: Any = None
    model: Any = None
    choices: list[ChoiceView] | None = None
    usage: Raw = ABSENT
    service_tier: Any = None

    @property
    def identity(self) -> str | None:
        """Its id, if that is one."""
        return repair.identity(self.id)

    @property
    def model_name(self) -> str | None:
        """Its model, if that is one."""
        return text_or_none(self.model)

    @property
    def time(self) -> int | None:
        """When it was created in seconds since the epoch, if that is a time."""
        return repair.time(self.created)

    @property
    def tier_is_known(self) -> bool:
        """Whether its service tier is one of OpenAI's, or absent."""
        return self.service_tier is None or self.service_tier in repair.SERVICE_TIERS


decode_view = msgspec.json.Decoder(ChunkView).decode


class Place:
    """Where a choice of a chunk belongs.

    Attributes:
        position: in the chunk.
        index: which choice of the answer it goes on with.
        first: it is that choice's first.
        calls: for each of its tool calls, the call, whether it opens there, and what it adds.
        reason: why the choice ends there, or "".
        view: the choice as it came.
    """

    __slots__ = ("calls", "first", "index", "position", "reason", "view")

    def __init__(self, position: int, index: int, view: ChoiceView, *, first: bool) -> None:
        self.position = position
        self.index = index
        self.first = first
        self.view = view
        self.calls: list[tuple[Call, bool, str]] = []
        self.reason = "" if view.finish_reason is None else view.reason

    @property
    def in_order(self) -> bool:
        """Whether the chunk says all that already."""
        view = self.view
        return (
            view.is_in_order(first=self.first)
            and (view.finish_reason or "") == self.reason
            and (not self.calls or self._are_calls_in_order())
        )

    def faults(self) -> set[Repair]:
        """What is wrong with the chunk there, for a chunk that is to be repaired."""
        view, delta = self.view, self.view.delta or DeltaView()
        word = None if view.finish_reason is UNSET else view.finish_reason
        found = {
            Repair.HEAD: view.number is None,
            Repair.MESSAGE: delta.role != ("assistant" if self.first else None)
            or not isinstance(delta.content, str | None),
            Repair.FINISH_REASON: word is not None and word != self.reason,
            Repair.LOGPROBS: not repair.are_logprobs_in_order(view.logprobs),
            Repair.TOOL_CALL: not self._are_calls_in_order(),
        }
        return {kind for kind, is_fault in found.items() if is_fault}

    def _are_calls_in_order(self) -> bool:
        given = self.view.delta.tool_calls if self.view.delta is not None else None
        return all(
            item.is_in_order(call, opens=opens) and item.piece().arguments == arguments
            for item, (call, opens, arguments) in zip(given or (), self.calls, strict=True)
        )


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


def rebuild(choice: Object, place: Place) -> Object:
    """A choice of a chunk as OpenAI would have sent it there."""
    delta = decode_object(choice["delta"]) if choice.get("delta", NULL) != NULL else {}
    delta.pop("role", None)
    if place.first:
        delta = {"role": _ASSISTANT} | delta
    repair.content(delta)
    if place.calls:
        calls = zip(decode_objects(delta["tool_calls"]), place.calls, strict=True)
        delta["tool_calls"] = raw([_call(item, *where) for item, where in calls])
    elif is_null(delta.get("tool_calls", ABSENT)):
        delta.pop("tool_calls", None)
    logprobs = choice.get("logprobs", NULL)
    if not (is_null(logprobs) or repair.are_logprobs_in_order(place.view.logprobs)):
        choice["logprobs"] = repair.logprobs(logprobs)
    return choice | {
        "index": raw(place.index),
        "delta": raw(delta),
        "finish_reason": raw(place.reason or None),
    }


def _call(given: Object, call: Call, opens: bool, arguments: str) -> Object:  # noqa: FBT001 -- a triple unpacked
    """A piece of a tool call: what stands in it once, and arguments that are text."""
    number = {"index": raw(call.number)}
    if opens:
        given = repair.call(given, call.id, custom=call.custom, name=call.name)
        return number | given | number
    given = {name: value for name, value in given.items() if name not in ("id", "type")}
    payload = "custom" if call.custom else "function"
    if is_present(given.get(payload, NULL)):
        fields = decode_object(given[payload])
        fields.pop("name", None)
        if arguments or "arguments" in fields:
            fields["input" if call.custom else "arguments"] = raw(arguments)
        given[payload] = raw(fields)
    return number | given | number


def says_something(choice: Object) -> bool:
    """Whether a choice adds anything to what was said, and not only that it ended."""
    delta = choice.get("delta", NULL)
    fields = {} if is_null(delta) else decode_object(delta)
    return any(bytes(value) not in _SILENT for name, value in fields.items() if name != "role")


def is_chunk(complete: bytes) -> bool:
    """Whether a provider's object is a piece of a stream, and not a whole completion."""
    try:
        choices = decode_view(complete).choices or []
    except msgspec.ValidationError:
        return False
    return any(choice.delta is not None for choice in choices)
