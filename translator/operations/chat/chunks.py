"""A streamed chat completion: what a model says becomes OpenAI's chunks.

What clients rely on and runtimes do not give is made here: one id and one time for all chunks, the
role once per choice, a tool call's id and name once, a finishing chunk per choice, and the usage
chunk for those who asked. A provider's chunks are OpenAI's already: see
:mod:`translator.operations.chat.provider`.
"""

from msgspec import UNSET

from translator.ids import completion_id
from translator.openai.chat import ChunkChoice, Delta, FunctionCall
from translator.operations import provider
from translator.operations.chat.completion import usage_of
from translator.operations.chat.provider import ProviderChunks
from translator.operations.chat.state import Choice, State
from translator.tasks.generation import ChoiceOutput, Output
from translator.tasks.usage import TokenCounts


class ChatChunks:
    """A :class:`~translator.operations.events.Writer` of one streamed chat completion.

    Args:
        model: the model as the client named it.
        created: seconds since the epoch, the same on every chunk.
        include_usage: whether the client set ``stream_options.include_usage``.
    """

    def __init__(self, model: str, created: int, *, include_usage: bool = False) -> None:
        self._state = State(model, created, include_usage=include_usage)
        self._provided = ProviderChunks(self._state)

    def write(self, output: Output) -> list[bytes]:
        """See :class:`~translator.operations.events.Writer`."""
        state = self._state
        if output.provided is not None:
            return self._provided.take(provider.read(output.provided), output)
        if not state.id:
            state.begin(completion_id(output.id), output.model)
        state.tokens = state.tokens.then(output.tokens)
        chunks = []
        for index, said in enumerate(output.choices):
            choice = state.choice(index)
            choice.reason = said.finish_reason or choice.reason
            delta = None if choice.finished else _delta(choice, said)
            if delta is not None:
                chunks.append(state.chunk([ChunkChoice(index, delta, logprobs=said.logprobs)]))
        return chunks

    def close(self) -> list[bytes]:
        """See :class:`~translator.operations.events.Writer`."""
        return self._state.close() + (self._provided.close() or self._usage())

    def _usage(self) -> list[bytes]:
        usage = usage_of(self._state.tokens) if self._state.include_usage else None
        return [] if usage is None else [self._state.chunk([], usage)]

    @property
    def tokens(self) -> TokenCounts:
        """See :class:`~translator.operations.events.Writer`."""
        return self._state.tokens

    @property
    def model(self) -> str:
        """See :class:`~translator.operations.events.Writer`."""
        return self._state.response_model

    @property
    def has_begun(self) -> bool:
        """See :class:`~translator.operations.events.Writer`."""
        return bool(self._state.choices)


def _delta(choice: Choice, said: ChoiceOutput) -> Delta | None:
    """What a model adds to its choice, or None when that is nothing."""
    calls = list(choice.calls.deltas(said.calls))
    legacy = said.function_call
    first, choice.begun = not choice.begun, True
    empty = not (calls or legacy or said.content or said.refusal or said.logprobs)
    if empty and not first:
        return None
    delta = Delta(content=said.content or UNSET, refusal=said.refusal or UNSET)
    if first:
        delta.role = "assistant"
        delta.content = said.content or (None if calls or legacy or said.refusal else "")
        delta.refusal = said.refusal
    if calls:
        delta.tool_calls = calls
    if legacy is not None:
        name = UNSET if choice.legacy else legacy.name or ""
        delta.function_call = FunctionCall(name, legacy.arguments)
        choice.legacy = True
        choice.legacy_argued |= bool(legacy.arguments)
    return delta
