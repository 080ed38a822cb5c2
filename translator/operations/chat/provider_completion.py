"""A provider's whole completion that OpenAI could have sent."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from translator.openai.chat_parts import CompletionUsage, Head, Logprobs, MessageParts
from translator.operations.base import Response
from translator.tasks.usage import TokenCounts

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Function(msgspec.Struct):
    name: _Text
    arguments: _Text


class _Custom(msgspec.Struct):
    name: _Text
    input: str


class _Call(msgspec.Struct):
    id: _Text
    type: Literal["function", "custom"]
    function: _Function | UnsetType = UNSET
    custom: _Custom | UnsetType = UNSET

    @property
    def is_whole(self) -> bool:
        return (self.function if self.type == "function" else self.custom) is not UNSET


class _Message(MessageParts, kw_only=True):
    role: Literal["assistant"]
    content: str | None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None


class _Choice(msgspec.Struct):
    index: int
    message: _Message
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter", "function_call"]
    logprobs: Logprobs | None = None


class _Completion(Head, kw_only=True):
    """The types of all fields that clients with strict types read."""

    id: _Text
    object: Literal["chat.completion"]
    created: int
    model: _Text
    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1)]
    usage: CompletionUsage

    @property
    def is_in_order(self) -> bool:
        for position, choice in enumerate(self.choices):
            calls = choice.message.tool_calls or ()
            if not (
                choice.index == position
                and all(call.is_whole for call in calls)
                and len({call.id for call in calls}) == len(calls)
            ):
                return False
        return True


_decode = msgspec.json.Decoder(_Completion).decode


def in_order(complete: bytes) -> Response | None:
    """A provider's completion unchanged, or None if it needs repairs.

    Args:
        complete: the completion as compact JSON.
    """
    try:
        view = _decode(complete)
    except msgspec.ValidationError:
        return None
    if not view.is_in_order:
        return None
    tokens = TokenCounts(view.usage.prompt_tokens, view.usage.completion_tokens)
    return Response(complete, tokens, view.model)
