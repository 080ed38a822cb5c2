"""A streamed chat completion: a model's output as OpenAI's chunks.

It adds what clients require and runtimes do not send: one id and one time for all chunks, the role
once per choice, a tool call's id and name once, a final chunk per choice, and the usage chunk if
the client requested it. Chunks of a provider are handled by
:mod:`translator.operations.chat.provider`.
"""

from msgspec import UNSET

from translator import surrogates
from translator.ids import completion_id
from translator.openai.chat import ChunkChoice, Delta, FunctionCall
from translator.operations.chat import repair
from translator.operations.chat.completion import usage_of
from translator.operations.chat.provider import ProviderChunks, read_provided
from translator.operations.chat.state import Choice, State
from translator.tasks.generation import ChoiceOutput, Output
from translator.tasks.repair import Repair
from translator.tasks.usage import TokenCounts


class ChatChunks:
    """A :class:`~translator.operations.events.Writer` of one streamed chat completion.

    Args:
        model: the model's name in the client's request.
        created: seconds since the epoch, the same on every chunk.
        include_usage: whether the client set ``stream_options.include_usage``.
        forced: whether the client forced one function; the finish reason is then ``stop``.
        whole: whether the chunks are aggregated to one completion.
    """

    def __init__(
        self,
        model: str,
        created: int,
        *,
        include_usage: bool = False,
        forced: bool = False,
        whole: bool = False,
    ) -> None:
        self._state = State(model, created, include_usage=include_usage, forced=forced, whole=whole)
        self._told: Output | None = None  # the last that had a usage object
        self._provided = ProviderChunks(self._state)

    def write(self, output: Output) -> list[bytes]:
        """See :class:`~translator.operations.events.Writer`."""
        if output.provided is not None:
            chunk, marked = read_provided(output.provided)
            self._provided.take(chunk, output, marked=marked)
        else:
            self._say(output)
        return self._state.sent()

    def close(self) -> list[bytes]:
        """See :class:`~translator.operations.events.Writer`."""
        self._provided.flush()
        self._state.close()
        return self._state.sent() + (self._provided.usage() or self._usage())

    def rescue(self) -> list[bytes]:
        """See :class:`~translator.operations.events.Writer`."""
        self._provided.rescue()
        return self._state.out

    def _say(self, output: Output) -> None:
        state = self._state
        if not state.id:
            state.begin(completion_id(output.id), output.model)
        state.tokens = state.tokens.then(output.tokens)
        if output.usage is not None:
            self._told = output
        for index, said in enumerate(output.choices):
            choice = state.choice(index)
            delta = None if choice.finished else _delta(choice, said)
            if said.finish_reason:
                choice.reason = state.reason(choice, said.finish_reason)
            if delta is None:
                continue
            logprobs = said.logprobs and repair.logprobs(said.logprobs, state.repairs)
            chunk = state.chunk([ChunkChoice(index, delta, logprobs=logprobs)])
            if output.marked:
                state.repairs.add(Repair.UNICODE)
                chunk = surrogates.clean(chunk.decode()).encode()
            state.out.append(chunk)

    def _usage(self) -> list[bytes]:
        if not self._state.include_usage:
            return []
        told = None if self._told is None else self._told.usage
        return [self._state.chunk([], usage_of(told, self._state.tokens, self._state.repairs))]

    @property
    def repairs(self) -> frozenset[Repair]:
        """The kinds of repairs so far."""
        return frozenset(self._state.repairs)

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
    """The delta for a model's output, or None if there is nothing new."""
    calls = choice.calls.deltas(said.calls) if said.calls else []
    legacy = said.function_call
    content = said.content and choice.join("content", said.content)
    refusal = said.refusal and choice.join("refusal", said.refusal)
    reasoning = said.reasoning and choice.join("reasoning_content", said.reasoning)
    first, choice.begun = not choice.begun, True
    choice.spoke = choice.spoke or not said.is_silent
    if not (calls or legacy or content or refusal or reasoning or said.logprobs or first):
        return None
    delta = Delta(content=content or UNSET, refusal=refusal or UNSET)
    if first:
        delta.role = "assistant"
        acts = said.calls or legacy or said.refusal or said.reasoning
        delta.content = content or (None if acts else "")
        delta.refusal = refusal
    if reasoning:
        delta.reasoning_content = reasoning
    if calls:
        delta.tool_calls = calls
    if legacy is not None:
        name, arguments = choice.call_function(legacy.name, legacy.arguments)
        delta.function_call = FunctionCall(name or UNSET, arguments)
    return delta
