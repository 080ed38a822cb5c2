"""The fields of a provider's chunk that are examined.

Fields of type Any may have any value, and are repaired if it is not a string or a number.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw

from translator.openai.chat_parts import ChoiceParts, DeltaParts, Head
from translator.operations.chat import repair
from translator.raw_json import ABSENT, integer_or_none, text_or_none
from translator.tasks.generation import FINISH_REASONS
from translator.tasks.tool_calls import Call, CallPiece

OBJECT = "chat.completion.chunk"
_MOST_CHOICES = 1 << 16


class FunctionView(msgspec.Struct):
    """The function of a call."""

    name: Any = UNSET
    arguments: Raw = ABSENT

    @property
    def has_text(self) -> bool:
        """Whether its arguments, if it has any, are a string."""
        return bytes(memoryview(self.arguments)[:1]) in (b"", b'"', b"n")


class CustomView(msgspec.Struct):
    """The custom tool of a call."""

    name: Any = UNSET
    input: Raw = ABSENT


class CallView(msgspec.Struct):
    """A tool call of a delta. Null is an error where a field should be absent."""

    index: Any = None
    id: Any = UNSET
    type: Any = UNSET
    function: FunctionView | None = None
    custom: CustomView | None = None

    def piece(self) -> CallPiece:
        """Its content as a piece of a call."""
        index, identity = integer_or_none(self.index), text_or_none(self.id)
        if self.custom is not None:
            name, text = text_or_none(self.custom.name), repair.arguments_of(self.custom.input)
            return CallPiece(index, identity, name, text, custom=True)
        function = self.function or FunctionView()
        arguments = repair.arguments_of(function.arguments)
        return CallPiece(index, identity, text_or_none(function.name), arguments)

    def is_in_order(self, call: Call, *, opens: bool) -> bool:
        """Whether OpenAI could have sent it, as the first or a later piece of the call."""
        function: FunctionView | CustomView | None = self.custom or self.function
        arguments = bytes(memoryview(self.arguments)[:1])
        return (
            self.index == call.number
            and function is not None
            and self.id == (call.id if opens else UNSET)
            and (bool(self.type) if opens else self.type is UNSET)
            and function.name == (call.name if opens else UNSET)
            and arguments in ((b'"',) if opens else (b"", b'"', b"n"))
        )

    @property
    def arguments(self) -> Raw:
        """The arguments of its function, or the input of its custom tool."""
        if self.custom is not None:
            return self.custom.input
        return self.function.arguments if self.function is not None else ABSENT


class DeltaView(DeltaParts):
    """The delta of a choice. Null is an error for missing tool calls."""

    role: Any = None
    content: Any = None
    refusal: Any = None
    reasoning_content: Any = None
    tool_calls: list[CallView] | None = msgspec.field(default_factory=list)
    function_call: FunctionView | None = None

    @property
    def has_texts(self) -> bool:
        """Whether all texts are strings."""
        return (
            (self.content is None or isinstance(self.content, str))
            and (self.refusal is None or isinstance(self.refusal, str))
            and (self.reasoning_content is None or isinstance(self.reasoning_content, str))
        )


class ChoiceView(ChoiceParts):
    """A choice of a chunk, or of a whole completion if it has a message."""

    index: Any = None
    delta: DeltaView | None = None
    message: dict[str, Raw] | None = None
    finish_reason: Any = UNSET

    @property
    def number(self) -> int | None:
        """Its index, or None if it is not an integer."""
        number = integer_or_none(self.index)
        return number if number is not None and 0 <= number < _MOST_CHOICES else None

    @property
    def reason(self) -> str:
        """OpenAI's finish reason, or ``error``; "" if it has not ended."""
        word = self.finish_reason
        return "" if word is None or word is UNSET else repair.reason(word)

    def is_in_order(self, index: int, *, first: bool) -> bool:
        """Whether OpenAI could have sent it, apart from its calls, as first or later piece."""
        delta = self.delta
        return (
            type(self.index) is int
            and self.index == index
            and delta is not None
            and delta.role == ("assistant" if first else None)
            and delta.has_texts
            and delta.tool_calls is not None
            and (self.finish_reason is None or self.finish_reason in FINISH_REASONS)
        )


class ChunkView(Head):
    """The fields of a chunk that decide whether it needs repair."""

    id: Any = None
    object: Any = None
    created: Any = None
    model: Any = None
    choices: list[ChoiceView] | None = None
    usage: Raw = ABSENT

    @property
    def identity(self) -> str | None:
        """Its id, or None if it is not valid."""
        return repair.identity(self.id)

    @property
    def model_name(self) -> str | None:
        """Its model, or None if it is not a name."""
        return text_or_none(self.model)

    @property
    def time(self) -> int | None:
        """Its time in seconds since the epoch, or None if it is not a time."""
        return repair.time(self.created)

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole completion."""
        for choice in self.choices or ():
            if choice.message is not None and choice.delta is None:
                return True
        return False


decode_view = msgspec.json.Decoder(ChunkView).decode
