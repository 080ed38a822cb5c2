"""Generation: a conversation goes in, and what the model says comes out, for each choice.

JSON that nobody here reads stays text (:class:`msgspec.Raw`).
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from translator.raw_json import ABSENT, Object
from translator.tasks.tool_calls import CallPiece
from translator.tasks.usage import UNKNOWN, TokenCounts

Part = tuple[str, str]
"""A part of a message's content: its kind, and its text or the JSON text of its payload."""

FINISH_REASONS = ("stop", "length", "tool_calls", "content_filter", "function_call")
"""Why a choice may have ended, in OpenAI's words. SDKs with strict types accept no other."""

FAILED = "error"
"""What some providers say of a generation that failed; no reason of OpenAI's."""

# The same in the words of others: the OIP generate API, and what servers took over from vendors.
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
    """One message of a conversation. What a message does not have is empty.

    Attributes:
        role: who says it, one of OpenAI's roles.
        content: a text, or its parts in order.
        tool_calls: each as the client wrote it.
        tool_call_id: of the call that a tool's message answers.
        name: of the speaker.
        refusal: the text of one.
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
        is_plain: no message has more than role and content.
        choices: how many answers are wanted.
        stream: they are wanted as they are made.
    """

    messages: Sequence[Message]
    tools: Sequence[Raw]
    parameters: Object
    is_plain: bool = False
    choices: int = 1
    stream: bool = False


class ChoiceOutput(msgspec.Struct):
    """What a response says of one choice: all of it, or what is new in a stream.

    Attributes:
        content: the text; None where the response has none, be it empty.
        calls: tool calls, or pieces of them.
        function_call: one in the form that came before tool calls.
        refusal: a text, or None.
        reasoning: what the model thought before it spoke, or None.
        logprobs: OpenAI's object.
        finish_reason: one of :data:`FINISH_REASONS`, or :data:`FAILED`; "" where it goes on.
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
        """Whether it says nothing at all."""
        return not (
            self.content or self.calls or self.function_call or self.refusal or self.reasoning
        )


class Output(msgspec.Struct):
    """What a model server's response, or one event of a stream, says.

    Attributes:
        id: the response's, or "".
        model: the one that answered, as the server calls it, or "".
        tokens: as far as they are told.
        usage: the object in which they are told, if there is one, with whatever else it tells.
        choices: what is said of each, in their order; empty where nothing is.
        provided: a provider's own chat object as JSON text, which says it all; None for none.
    """

    id: str
    model: str
    tokens: TokenCounts = UNKNOWN
    choices: Sequence[ChoiceOutput] = ()
    provided: str | None = None
    usage: Object | None = None


def finish_reason(word: str) -> str:
    """Why a model stopped in OpenAI's words; "" if it did not say, ``stop`` for an unknown word."""
    return _FINISH_REASONS.get(word.lower(), "stop") if word else ""
