"""What is known of a streamed chat completion: what its chunks share, and each of its choices."""

from msgspec import UNSET, Raw

from translator.errors import UpstreamError
from translator.openai.chat import ChatChunk, ChunkChoice, Delta, FunctionCall, Usage
from translator.operations.chat.tool_calls import CallDeltas
from translator.raw_json import encode
from translator.tasks.generation import FAILED
from translator.tasks.repair import Repair
from translator.tasks.usage import UNKNOWN


class Choice:
    """What has been said so far of one choice."""

    __slots__ = (
        "begun",
        "calls",
        "finished",
        "half",
        "legacy",
        "legacy_argued",
        "provided",
        "reason",
        "spoke",
    )

    def __init__(self) -> None:
        self.begun = False
        self.finished = False
        self.provided = False  # in a provider's words, which are kept
        self.reason = ""  # why it ended, as the runtime says
        self.calls = CallDeltas()
        self.legacy = False  # it has a function_call
        self.legacy_argued = False
        self.half = ""  # of a surrogate pair, whose other half is to come
        self.spoke = False


class State:
    """The id, time and model of a stream, settled by its first event, and its choices.

    Args:
        model: as the client named it.
        created: seconds since the epoch.
        include_usage: whether the client set ``stream_options.include_usage``.
        forced: whether the client forced one function.
        whole: the chunks are added up, so that a generation that failed is what it said before.
    """

    __slots__ = (
        "choices",
        "created",
        "forced",
        "id",
        "include_usage",
        "model",
        "repairs",
        "response_model",
        "tokens",
        "whole",
    )

    def __init__(
        self, model: str, created: int, *, include_usage: bool, forced: bool, whole: bool
    ) -> None:
        self.id = ""
        self.model = model
        self.created = created
        self.include_usage = include_usage
        self.forced = forced
        self.whole = whole
        self.choices: dict[int, Choice] = {}
        self.tokens = UNKNOWN
        self.response_model = ""  # as the server or its provider calls it
        self.repairs: set[Repair] = set()

    def begin(self, identity: str, response_model: str) -> None:
        """Settle what the first event says."""
        self.id = identity
        self.response_model = response_model

    def choice(self, index: int) -> Choice:
        """The choice of that index; a new one if nothing has been said of it."""
        choice = self.choices.get(index)
        if choice is None:
            choice = self.choices[index] = Choice()
        return choice

    def reason(self, choice: Choice, word: str) -> str:
        """Why a choice ended, given the runtime's word for it.

        Raises:
            UpstreamError: 502, it ended because the generation failed.
        """
        if word == "stop" and choice.reason:
            return choice.reason  # said before, and more exactly
        if word != FAILED:
            return word
        self.repairs.add(Repair.FINISH_REASON)
        if not (self.whole and choice.spoke):
            raise generation_failed()
        return "stop"

    def chunk(self, choices: list[ChunkChoice], usage: Usage | Raw | None = None) -> bytes:
        """A chunk as JSON. ``usage`` stands in it, mostly null, only where it was asked for."""
        return encode(
            ChatChunk(
                id=self.id,
                created=self.created,
                model=self.model,
                choices=choices,
                usage=usage if self.include_usage else UNSET,
            )
        )

    def late(self, index: int, choice: Choice) -> list[bytes]:
        """What has to be said of a choice before it can finish.

        Raises:
            UpstreamError: 502, a call has no name.
        """
        chunks = []
        if choice.half:
            choice.half = ""
            chunks.append(self.chunk([ChunkChoice(index, Delta(content="\ufffd"))]))
        if calls := choice.calls.closing_deltas():
            chunks.append(self.chunk([ChunkChoice(index, Delta(tool_calls=calls))]))
        if choice.legacy and not choice.legacy_argued:
            choice.legacy_argued = True
            call = FunctionCall(arguments="{}")
            chunks.append(self.chunk([ChunkChoice(index, Delta(function_call=call))]))
        return chunks

    def close(self) -> list[bytes]:
        """What is left to say of choices that have not finished, in the order of their index.

        Raises:
            UpstreamError: 502, a call has no name.
        """
        chunks = []
        for index, choice in sorted(self.choices.items()):
            if choice.finished:
                continue
            choice.finished = True
            chunks += self.late(index, choice)
            reason = finish_reason(
                choice.reason,
                called=bool(choice.calls),
                legacy=choice.legacy,
                kept=choice.provided or self.forced,
            )
            chunks.append(self.chunk([ChunkChoice(index, Delta(), reason)]))
        return chunks


def finish_reason(given: str, *, called: bool, legacy: bool, kept: bool = False) -> str:
    """Why a choice ended: as the runtime says, else by what it called.

    Args:
        given: the runtime's word, or "".
        called: the message has tool calls.
        legacy: it has a ``function_call``.
        kept: the word ``stop`` is kept beside calls.
    """
    if given and (kept or given != "stop"):
        return given
    return "tool_calls" if called else "function_call" if legacy else "stop"


def generation_failed() -> UpstreamError:
    """The error for a choice that ended because its generation failed."""
    return UpstreamError("The model provider failed while it was generating.")
