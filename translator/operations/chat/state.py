"""What is known of a streamed chat completion: what its chunks share, and each of its choices."""

from msgspec import UNSET, Raw

from translator.openai.chat import ChatChunk, ChunkChoice, Delta, FunctionCall, Usage
from translator.operations.chat.tool_calls import CallDeltas
from translator.raw_json import encode
from translator.tasks.usage import UNKNOWN


class Choice:
    """What has been said so far of one choice."""

    __slots__ = ("begun", "calls", "finished", "legacy", "legacy_argued", "reason")

    def __init__(self) -> None:
        self.begun = False
        self.finished = False
        self.reason = ""  # why it ended, as the runtime says
        self.calls = CallDeltas()
        self.legacy = False  # it has a function_call
        self.legacy_argued = False


class State:
    """The id, time and model of a stream, settled by its first event, and its choices.

    Args:
        model: as the client named it.
        created: seconds since the epoch.
        include_usage: whether the client set ``stream_options.include_usage``.
    """

    __slots__ = ("choices", "created", "id", "include_usage", "model", "response_model", "tokens")

    def __init__(self, model: str, created: int, *, include_usage: bool) -> None:
        self.id = ""
        self.model = model
        self.created = created
        self.include_usage = include_usage
        self.choices: dict[int, Choice] = {}
        self.tokens = UNKNOWN
        self.response_model = ""  # as the server or its provider calls it

    def begin(self, identity: str, response_model: str) -> None:
        """Settle what the first event says."""
        self.id = identity
        self.response_model = response_model

    def choice(self, index: int) -> Choice:
        """The choice of that index; a new one if nothing has been said of it."""
        return self.choices.setdefault(index, Choice())

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

    def close(self) -> list[bytes]:
        """What is left to say of choices that have not finished, in the order of their index."""
        chunks = []
        for index, choice in sorted(self.choices.items()):
            if choice.finished:
                continue
            if late := choice.calls.closing_deltas():
                chunks.append(self.chunk([ChunkChoice(index, Delta(tool_calls=late))]))
            if choice.legacy and not choice.legacy_argued:
                call = FunctionCall(arguments="{}")
                chunks.append(self.chunk([ChunkChoice(index, Delta(function_call=call))]))
            reason = finish_reason(choice.reason, called=bool(choice.calls), legacy=choice.legacy)
            chunks.append(self.chunk([ChunkChoice(index, Delta(), reason)]))
        return chunks


def finish_reason(given: str, *, called: bool, legacy: bool) -> str:
    """Why a choice ended: as the runtime says, else by what it called.

    Args:
        given: the runtime's word, or "".
        called: the message has tool calls.
        legacy: it has a ``function_call``.
    """
    return given or ("tool_calls" if called else "function_call" if legacy else "stop")
