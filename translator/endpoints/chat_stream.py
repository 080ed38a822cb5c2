"""A streamed chat completion: OIP responses in, chat completion chunks out.

What clients rely on and runtimes do not give is made here: one id and one time for all chunks, the
role once per choice, a tool call's id and name once, a finishing chunk per choice, and the usage
chunk for those who asked. Chunks in ``output_all`` are OpenAI's already: see
:mod:`translator.endpoints.chat_provider`.
"""

from msgspec import UNSET

from translator.endpoints import chat_tensors, output_all, token_counts
from translator.endpoints.chat_answer import completion_id, usage_of
from translator.endpoints.chat_provider import ProviderChunks
from translator.endpoints.chat_state import Choice, State
from translator.endpoints.chat_tensors import Answer
from translator.endpoints.model_settings import DEFAULT, ModelSettings
from translator.endpoints.stream import EventStream
from translator.endpoints.token_counts import TokenCounts
from translator.oip.response import InferenceResponse
from translator.openai.chat import ChunkChoice, Delta, FunctionCall


class ChatStream(EventStream):
    """Translates one streamed chat completion.

    Args:
        model: the model as the client named it, or None for the server's own name.
        created: seconds since the epoch, the same on every chunk.
        include_usage: whether the client set ``stream_options.include_usage``.
        choices: how many the client asked for.
        limit: the most bytes one event may hold.
        settings: the model's.
    """

    def __init__(  # noqa: PLR0913 -- each is one fact of the request
        self,
        model: str | None,
        created: int,
        *,
        include_usage: bool = False,
        choices: int = 1,
        limit: int | None = None,
        settings: ModelSettings = DEFAULT,
    ) -> None:
        super().__init__(limit, settings)
        self._state = State(model, created, include_usage=include_usage)
        self._provided = ProviderChunks(self._state)
        self._asked = choices

    def chunks_of(self, response: InferenceResponse) -> list[bytes]:
        """See :class:`~translator.endpoints.stream.EventStream`."""
        chunk = output_all.read(response)
        if chunk is not None:
            return self._provided.take(chunk, response)
        self._state.begin(completion_id(response), model=response.model_name)
        self._state.tokens = self._state.tokens.then(token_counts.read(response))
        chunks = []
        for index, answer in enumerate(chat_tensors.read(response, self._asked)):
            choice = self._state.choice(index)
            choice.reason = answer.finish_reason or choice.reason
            delta = None if choice.finished else _delta(choice, answer)
            if delta is not None:
                said = ChunkChoice(index, delta, logprobs=answer.logprobs)
                chunks.append(self._state.chunk([said]))
        return chunks

    def closing_chunks(self) -> list[bytes]:
        """See :class:`~translator.endpoints.stream.EventStream`."""
        return self._state.close() + (self._provided.close() or self._usage())

    def _usage(self) -> list[bytes]:
        usage = usage_of(self._state.tokens) if self._state.include_usage else None
        return [] if usage is None else [self._state.chunk([], usage)]

    @property
    def tokens(self) -> TokenCounts:
        """See :class:`~translator.endpoints.base.StreamTranslator`."""
        return self._state.tokens

    @property
    def answered_by(self) -> str:
        """See :class:`~translator.endpoints.base.StreamTranslator`."""
        return self._state.answered_by

    @property
    def has_begun(self) -> bool:
        """See :class:`~translator.endpoints.stream.EventStream`."""
        return bool(self._state.choices)


def _delta(choice: Choice, answer: Answer) -> Delta | None:
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
        choice.legacy_argued |= bool(legacy.arguments)
    return delta
