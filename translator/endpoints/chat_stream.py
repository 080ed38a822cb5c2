"""A streamed chat completion: OIP responses in, chat completion chunks out.

What clients rely on and runtimes do not give is made here: one id and one time for all chunks, the
role once per choice, a tool call's id and name once, a finishing chunk per choice, and the usage
chunk for those who asked. Chunks in ``output_all`` are OpenAI's already and pass as they are; only
what their stream leaves out at its end is added.
"""

import msgspec
from msgspec import UNSET, Raw

from translator.endpoints import output_all
from translator.endpoints.chat_answer import (
    completion_id,
    read_messages,
    read_usage,
)
from translator.endpoints.stream import EventStream
from translator.oip.response import InferenceResponse
from translator.openai.chat import (
    AnswerMessage,
    ChatChunk,
    ChunkChoice,
    Delta,
    FunctionCall,
    ToolCall,
    ToolCallDelta,
    Usage,
)


class _DeltaView(msgspec.Struct):
    tool_calls: list[Raw] | None = None


class _ChoiceView(msgspec.Struct):
    index: int = 0
    delta: _DeltaView | None = None
    finish_reason: str | None = None


class _ChunkView(msgspec.Struct):
    """As much of a provider's chunk as completing its stream needs."""

    id: str | None = None
    created: float | None = None
    model: str | None = None
    choices: list[_ChoiceView] | None = None


_decode_view = msgspec.json.Decoder(_ChunkView).decode


class _Choice:
    """What has been said so far of one choice."""

    __slots__ = ("begun", "called", "calls", "finished", "reason")

    def __init__(self) -> None:
        self.begun = False
        self.finished = False
        self.reason = ""
        self.called = False
        self.calls: list[str] = []  # the ids of the tool calls, in the order they appeared


class ChatStream(EventStream):
    """Translates one streamed chat completion.

    Args:
        model: the model as the client named it, or None for the server's own name.
        created: seconds since the epoch, the same on every chunk.
        include_usage: whether the client set ``stream_options.include_usage``.
    """

    def __init__(self, model: str | None, created: int, *, include_usage: bool = False) -> None:
        super().__init__()
        self._id = ""
        self._model = model
        self._created = created
        self._include_usage = include_usage
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None

    def chunks_of(self, response: InferenceResponse) -> list[bytes]:
        """See :class:`~translator.endpoints.stream.EventStream`."""
        chunk = output_all.read(response)
        if chunk is not None:
            self._observe(chunk)
            return [chunk]
        self._id = self._id or completion_id(response)
        self._model = self._model or response.model_name
        self._usage = read_usage(response) or self._usage
        reasons = response.strings("finish_reason") or []
        chunks = []
        for index, message in enumerate(read_messages(response)):
            choice = self._choices.setdefault(index, _Choice())
            choice.reason = (reasons[index] if index < len(reasons) else "") or choice.reason
            delta = _delta(choice, message)
            if delta is not None:
                chunks.append(self._chunk([ChunkChoice(index, delta)]))
        return chunks

    def closing_chunks(self) -> list[bytes]:
        """See :class:`~translator.endpoints.stream.EventStream`."""
        chunks = []
        for index, choice in sorted(self._choices.items()):
            if not choice.finished:
                reason = choice.reason or ("tool_calls" if choice.called else "stop")
                chunks.append(self._chunk([ChunkChoice(index, Delta(), reason)]))
        if self._include_usage and self._usage is not None:
            chunks.append(self._chunk([], self._usage))
        return chunks

    def _observe(self, chunk: bytes) -> None:
        try:
            view = _decode_view(chunk)
        except msgspec.DecodeError:
            return  # not quite a chunk, but the provider's own words all the same
        self._id = view.id or self._id
        self._model = view.model or self._model
        self._created = int(view.created or self._created)
        for seen in view.choices or ():
            choice = self._choices.setdefault(seen.index, _Choice())
            choice.called |= bool(seen.delta and seen.delta.tool_calls)
            choice.finished |= seen.finish_reason is not None

    def _chunk(self, choices: list[ChunkChoice], usage: Usage | None = None) -> bytes:
        return msgspec.json.encode(
            ChatChunk(
                id=self._id,
                created=self._created,
                model=self._model or "",
                choices=choices,
                usage=usage if self._include_usage else UNSET,
            )
        )


def _delta(choice: _Choice, message: AnswerMessage) -> Delta | None:
    """What a message adds to its choice, or None when that is nothing."""
    first, choice.begun = not choice.begun, True
    delta = Delta()
    if first:
        delta.role = message.role
        delta.content = message.content
        delta.refusal = None
    elif message.content:
        delta.content = message.content
    if message.tool_calls:
        choice.called = True
        delta.tool_calls = [_call_delta(choice, call) for call in message.tool_calls]
    elif not first and not message.content:
        return None
    return delta


def _call_delta(choice: _Choice, call: ToolCall) -> ToolCallDelta:
    """A call that was seen before only adds to its arguments."""
    if call.id in choice.calls:
        arguments = FunctionCall(arguments=call.function.arguments)
        return ToolCallDelta(choice.calls.index(call.id), function=arguments)
    choice.calls.append(call.id)
    return ToolCallDelta(len(choice.calls) - 1, call.id, call.type, call.function)
