"""A runtime's event stream as the one answer that was asked for.

Some runtimes stream whatever they are asked. Their events go through the translation of a stream,
which puts them in order, and the chunks are then added up.
"""

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, Raw, UnsetType

from translator.endpoints import chat_answer, chat_provider, output_all, tool_calls
from translator.endpoints.chat_stream import ChatStream
from translator.endpoints.stream import read_events
from translator.oip.response import decode, is_present, unreadable
from translator.openai.chat import (
    AnswerMessage,
    ChatCompletion,
    Choice,
    FunctionCall,
    ToolCall,
    ToolCallDelta,
)


class _Logprobs(msgspec.Struct):
    content: list[Raw] | None = None
    refusal: list[Raw] | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None


class _ChunkChoice(msgspec.Struct):
    index: int
    delta: _Delta
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Chunk(msgspec.Struct):
    """As much of a chunk as an answer is made of."""

    id: str
    created: int
    model: str
    choices: list[_ChunkChoice]
    usage: Raw = Raw()
    service_tier: Raw = Raw()
    system_fingerprint: Raw = Raw()


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def gather(body: bytes, model: str | None, created: int) -> bytes:
    """The chat completion that an event stream of OIP responses adds up to.

    Args:
        body: the whole stream.
        model: the model as the client named it, or None for the server's own name.
        created: seconds since the epoch.

    Raises:
        UpstreamError: 502, there is an error in the stream, or no answer.
    """
    events = read_events(body)
    if len(events) == 1:
        complete = output_all.read(decode(events[0]))
        if complete is None or not chat_provider.is_chunk(complete):
            return chat_answer.translate(events[0], model, created)
    stream = ChatStream(model, created, include_usage=True)
    try:
        chunks = [_decode_chunk(chunk) for chunk in stream.collect(events)]
    except msgspec.ValidationError as error:
        raise unreadable() from error
    sums: dict[int, _Sum] = {}
    for chunk in chunks:
        for choice in chunk.choices:
            sums.setdefault(choice.index, _Sum()).add(choice)
    return msgspec.json.encode(
        ChatCompletion(
            id=chunks[0].id,
            created=chunks[0].created,
            model=chunks[0].model,
            choices=[_choice(index, total) for index, total in sorted(sums.items())],
            usage=_last(chunk.usage for chunk in chunks),
            service_tier=_last(chunk.service_tier for chunk in chunks),
            system_fingerprint=_last(chunk.system_fingerprint for chunk in chunks),
        )
    )


def _last(values: Iterable[Raw]) -> Raw | UnsetType:
    return next((value for value in [*values][::-1] if is_present(value)), UNSET)


class _Sum:
    """What the chunks of one choice add up to."""

    def __init__(self) -> None:
        self.content: list[str] = []
        self.refusal: list[str] = []
        self.calls: list[ToolCall] = []
        self.function_call: FunctionCall | None = None
        self.logprobs: _Logprobs | None = None
        self.reason = "stop"

    def add(self, choice: _ChunkChoice) -> None:
        """Take the next chunk of the choice."""
        delta = choice.delta
        self.content.append(delta.content or "")
        self.refusal.append(delta.refusal or "")
        tool_calls.add(
            self.calls,
            [
                ToolCallDelta(call.index, call.id or UNSET, "function", _function(call.function))
                for call in delta.tool_calls or ()
            ],
        )
        if delta.function_call is not None:
            piece = _function(delta.function_call)
            if self.function_call is None:
                self.function_call = piece
            else:
                self.function_call.arguments += piece.arguments
        if choice.logprobs is not None:
            self.logprobs = _joined(self.logprobs or _Logprobs(), choice.logprobs)
        self.reason = choice.finish_reason or self.reason


def _function(said: _Function | None) -> FunctionCall:
    said = said or _Function()
    return FunctionCall(said.name or UNSET, said.arguments or "")


def _joined(left: _Logprobs, right: _Logprobs) -> _Logprobs:
    return _Logprobs(
        (left.content or []) + (right.content or []) or None,
        (left.refusal or []) + (right.refusal or []) or None,
    )


def _choice(index: int, total: _Sum) -> Choice:
    content, refusal = "".join(total.content), "".join(total.refusal)
    for call in total.calls:
        call.function.arguments = call.function.arguments or "{}"
    silent = total.calls or total.function_call or refusal
    message = AnswerMessage(
        role="assistant",
        content=content or (None if silent else ""),
        refusal=refusal or None,
        tool_calls=total.calls or UNSET,
        function_call=total.function_call or UNSET,
    )
    logprobs = None if total.logprobs is None else Raw(msgspec.json.encode(total.logprobs))
    return Choice(index, message, total.reason, logprobs)
