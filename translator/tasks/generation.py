"""The task of generation: a conversation in, one output for each choice out.

JSON that only passes through stays text (:class:`msgspec.Raw`).
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw

from translator.raw_json import ABSENT, Object
from translator.tasks.tool_calls import CallPiece
from translator.tasks.usage import UNKNOWN, TokenCounts

Part = tuple[str, str]
"""A part of a message's content: its kind, and its text or the JSON text of its payload."""

MOST_CHOICES = 128
"""The number of choices in a response: OpenAI's limit of ``n``."""

FINISH_REASONS = ("stop", "length", "tool_calls", "content_filter", "function_call")
"""OpenAI's finish reasons. SDKs with strict types accept no others."""

FAILED = "error"
"""The finish reason that some providers give for a failed generation; not one of OpenAI's."""

# The finish reasons of the OIP generate API, and of vendors whose words model servers copied.
_FINISH_REASONS = {
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "max_tokens": "length",
    "max_length": "length",
    "tool_use": "tool_calls",
    FAILED: FAILED,
    **{reason: reason for reason in FINISH_REASONS},
}


class Message(msgspec.Struct):
    """One message of a conversation. Fields that a message lacks are empty.

    Attributes:
        role: one of OpenAI's roles.
        content: a text, or its parts in order.
        tool_calls: each as the client wrote it.
        tool_call_id: in a message with a tool's result, the id of the call.
        name: the name of the participant.
        refusal: the text of a refusal.
        audio: an object.
        function_call: an object.
    """

    role: str
    content: str | list[Part]
    tool_calls: Sequence[Raw] = ()
    tool_call_id: str = ""
    name: str = ""
    refusal: str = ""
    audio: Raw = ABSENT
    function_call: Raw = ABSENT


class Generation(msgspec.Struct):
    """A request for a model's next message.

    Attributes:
        messages: at least one.
        tools: each as the client wrote it.
        parameters: all other fields of the request, as the client wrote them and in their order.
        is_plain: whether all messages have only role and content, apart from ``extra``.
        choices: the number of requested choices.
        stream: whether a stream is requested.
        extra: fields of messages that :class:`Message` does not have, by name. For each message,
            the string or the JSON text of another value; "" if the message lacks the field.
    """

    messages: Sequence[Message]
    tools: Sequence[Raw]
    parameters: Object
    is_plain: bool = False
    choices: int = 1
    stream: bool = False
    extra: Mapping[str, Sequence[str]] = {}


class ChoiceOutput(msgspec.Struct):
    """One choice of a whole response, or what one event adds to it.

    Attributes:
        content: the text; None if the response has no content, not even an empty one.
        calls: tool calls, or pieces of them.
        function_call: a call in the deprecated form.
        refusal: the text of a refusal, or None.
        reasoning: the text of the model's reasoning, or None.
        logprobs: OpenAI's object.
        finish_reason: one of :data:`FINISH_REASONS`, or :data:`FAILED`; "" if not finished.
    """

    content: str | None
    calls: list[CallPiece]
    function_call: CallPiece | None = None
    refusal: str | None = None
    reasoning: str | None = None
    logprobs: Raw | None = None
    finish_reason: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether it has no text, no calls and no reasoning."""
        return not (
            self.content or self.calls or self.function_call or self.refusal or self.reasoning
        )


class Output(msgspec.Struct):
    """A decoded response, or one decoded event of a stream.

    Attributes:
        id: the id of the response, or "".
        model: the model's name in the response, or "".
        tokens: the token counts in the response.
        choices: one output per choice, in order; may be empty.
        provided: a provider's chat object as JSON text, instead of ``choices``; or None.
        usage: the object with the token counts, if there is one, with all its fields.
        marked: whether halves of surrogate pairs are marked in it (:mod:`translator.surrogates`).
    """

    id: str
    model: str
    tokens: TokenCounts = UNKNOWN
    choices: Sequence[ChoiceOutput] = ()
    provided: str | None = None
    usage: Object | None = None
    marked: bool = False


def finish_reason(word: str) -> str:
    """OpenAI's word for a finish reason; ``stop`` for an unknown word, "" for none."""
    return _FINISH_REASONS.get(word.lower(), "stop") if word else ""
