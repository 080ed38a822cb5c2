"""A streamed chat completion: OIP responses in, chat completion chunks out.

What clients rely on and runtimes do not give is made here: one id and one time for all chunks, the
role once per choice, a tool call's id and name once, a finishing chunk per choice, and the usage
chunk for those who asked. Chunks in ``output_all`` are OpenAI's already: see
:mod:`translator.endpoints.chat_provider`.
"""

from msgspec import UNSET

from translator.endpoints import chat_tensors, output_all
from translator.endpoints.chat_answer import completion_id
from translator.endpoints.chat_head import Head
from translator.endpoints.chat_provider import ProviderChunks
from translator.endpoints.chat_tensors import Answer
from translator.endpoints.stream import EventStream
from translator.endpoints.tool_calls import Calls
from translator.oip.response import InferenceResponse
from translator.openai.chat import ChunkChoice, Delta, FunctionCall, Usage


class _Choice:
    """What has been said so far of one choice."""

    __slots__ = ("begun", "calls", "legacy", "reason")

    def __init__(self) -> None:
        self.begun = False
        self.reason = ""
        self.calls = Calls()
        self.legacy = False


class ChatStream(EventStream):
    """Translates one streamed chat completion.

    Args:
        model: the model as the client named it, or None for the server's own name.
        created: seconds since the epoch, the same on every chunk.
        include_usage: whether the client set ``stream_options.include_usage``.
    """

    def __init__(self, model: str | None, created: int, *, include_usage: bool = False) -> None:
        super().__init__()
        self._head = Head(model, created, include_usage=include_usage)
        self._provided = ProviderChunks(self._head)
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None

    def chunks_of(self, response: InferenceResponse) -> list[bytes]:
        """See :class:`~translator.endpoints.stream.EventStream`."""
        chunk = output_all.read(response)
        if chunk is not None:
            return self._provided.take(chunk, response)
        self._head.begin(completion_id(response), model=response.model_name)
        self._usage = chat_tensors.read_usage(response) or self._usage
        chunks = []
        for index, answer in enumerate(chat_tensors.read(response)):
            choice = self._choices.setdefault(index, _Choice())
            choice.reason = answer.finish_reason or choice.reason
            delta = _delta(choice, answer)
            if delta is not None:
                chunks.append(
                    self._head.chunk([ChunkChoice(index, delta, logprobs=answer.logprobs)])
                )
        return chunks

    def closing_chunks(self) -> list[bytes]:
        """See :class:`~translator.endpoints.stream.EventStream`."""
        chunks = []
        for index, choice in sorted(self._choices.items()):
            if late := choice.calls.without_arguments():
                chunks.append(self._head.chunk([ChunkChoice(index, Delta(tool_calls=late))]))
            reason = chat_tensors.finish_reason(
                choice.reason, called=bool(choice.calls), legacy=choice.legacy
            )
            chunks.append(self._head.chunk([ChunkChoice(index, Delta(), reason)]))
        chunks += self._provided.close()
        if self._usage is not None and self._head.include_usage:
            chunks.append(self._head.chunk([], self._usage))
        return chunks


def _delta(choice: _Choice, answer: Answer) -> Delta | None:
    """What an answer adds to its choice, or None when that is nothing."""
    calls = list(choice.calls.deltas(answer.calls))
    legacy = answer.function_call
    first, choice.begun = not choice.begun, True
    empty = not (calls or legacy or answer.content or answer.refusal or answer.logprobs)
    if empty and not first:
        return None
    delta = Delta(content=answer.content or UNSET, refusal=answer.refusal or UNSET)
    if first:
        delta.role = "assistant"
        delta.content = answer.content or (None if calls or legacy or answer.refusal else "")
        delta.refusal = answer.refusal
    if calls:
        delta.tool_calls = calls
    if legacy is not None:
        name = UNSET if choice.legacy else legacy.name or ""
        delta.function_call = FunctionCall(name, legacy.arguments)
        choice.legacy = True
    return delta
