"""The state of a streamed chat completion: the fields that its chunks share, and its choices."""

from msgspec import UNSET, Raw

from translator import surrogates
from translator.errors import UpstreamError
from translator.openai.chat import ChatChunk, ChunkChoice, Delta, FunctionCall, Usage
from translator.operations.chat.tool_calls import CallDeltas
from translator.raw_json import encode
from translator.tasks.generation import FAILED
from translator.tasks.repair import Repair
from translator.tasks.usage import UNKNOWN


class Choice:
    """The state of one choice."""

    __slots__ = (
        "begun",
        "calls",
        "finished",
        "halves",
        "legacy",
        "legacy_argued",
        "legacy_named",
        "provided",
        "reason",
        "spoke",
    )

    def __init__(self) -> None:
        self.begun = False
        self.finished = False
        self.provided = False  # by a provider, whose finish reason is kept
        self.reason = ""  # the runtime's finish reason
        self.calls = CallDeltas()
        self.legacy = False  # it has a function_call
        self.legacy_named = False
        self.legacy_argued = False
        self.halves: dict[
            str, str
        ] = {}  # of surrogate pairs, by the text whose other half may come
        self.spoke = False

    def join(self, name: str, text: str) -> str:
        """Join surrogate halves in the next piece of a text."""
        if not (self.halves or surrogates.is_marked(text)):
            return text
        joined, half = surrogates.join(self.halves.pop(name, ""), text)
        if half:
            self.halves[name] = half
        return joined

    def call_function(self, name: str | None, arguments: str) -> tuple[str, str]:
        """The name, only in the first piece, and the arguments that a function_call piece adds."""
        name = "" if self.legacy_named else name or ""
        self.legacy = True
        self.legacy_named |= bool(name)
        self.legacy_argued |= bool(arguments)
        return surrogates.clean(name), surrogates.clean(arguments)


class State:
    """The id, time and model of a stream, set by its first event, and its choices.

    Args:
        model: the model's name in the client's request.
        created: seconds since the epoch.
        include_usage: whether the client set ``stream_options.include_usage``.
        forced: whether the client forced one function.
        whole: whether the chunks are aggregated; then a failed generation keeps its output.

    Attributes:
        out: the chunks to send.
        failure: the error after which no more can be sent.
    """

    __slots__ = (
        "choices",
        "created",
        "failure",
        "forced",
        "id",
        "include_usage",
        "model",
        "out",
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
        self.response_model = ""  # the name in the response of the server or its provider
        self.repairs: set[Repair] = set()
        self.out: list[bytes] = []
        self.failure: UpstreamError | None = None

    def sent(self) -> list[bytes]:
        """Take the chunks to send now.

        Raises:
            UpstreamError: no more can be sent. The chunks are sent before the error.
        """
        if self.failure is not None:
            raise self.failure
        out, self.out = self.out, []
        return out

    def begin(self, identity: str, response_model: str) -> None:
        """Set id and model from the first event."""
        self.id = identity
        self.response_model = response_model

    def choice(self, index: int) -> Choice:
        """The choice with this index, created if necessary."""
        choice = self.choices.get(index)
        if choice is None:
            choice = self.choices[index] = Choice()
        return choice

    def reason(self, choice: Choice, word: str) -> str:
        """The finish reason for the runtime's word; "" if the generation failed."""
        if word == "stop" and choice.reason:
            return choice.reason  # an earlier, more specific reason
        if word != FAILED:
            return word
        self.repairs.add(Repair.FINISH_REASON)
        if self.whole and choice.spoke:
            return "stop"
        self.failure = generation_failed()
        return ""

    def chunk(self, choices: list[ChunkChoice], usage: Usage | Raw | None = None) -> bytes:
        """A chunk as JSON. It has ``usage``, mostly null, only if the client requested it."""
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
        """The chunks that a choice still lacks before its end.

        Raises:
            UpstreamError: 502, a call has no name.
        """
        chunks = []
        if choice.halves:
            delta = Delta()
            for name in choice.halves:
                setattr(delta, name, surrogates.REPLACEMENT)
            choice.halves.clear()
            chunks.append(self.chunk([ChunkChoice(index, delta)]))
        if calls := choice.calls.closing_deltas():
            chunks.append(self.chunk([ChunkChoice(index, Delta(tool_calls=calls))]))
        if choice.legacy and not (choice.legacy_named and choice.legacy_argued):
            function = FunctionCall(arguments="" if choice.legacy_argued else "{}")
            if not choice.legacy_named:
                function.name = ""
            choice.legacy_named = choice.legacy_argued = True
            chunks.append(self.chunk([ChunkChoice(index, Delta(function_call=function))]))
        return chunks

    def close(self) -> None:
        """Finish the choices that have not finished, in the order of their index.

        Raises:
            UpstreamError: 502, a call has no name.
        """
        for index, choice in sorted(self.choices.items()):
            if choice.finished:
                continue
            choice.finished = True
            self.out += self.late(index, choice)
            reason = finish_reason(
                choice.reason,
                called=bool(choice.calls),
                legacy=choice.legacy,
                kept=choice.provided or self.forced,
            )
            if reason != choice.reason and (choice.provided or choice.reason):
                self.repairs.add(Repair.FINISH_REASON)
            self.repairs.update(choice.calls.repairs)
            self.out.append(self.chunk([ChunkChoice(index, Delta(), reason)]))


def finish_reason(given: str, *, called: bool, legacy: bool, kept: bool = False) -> str:
    """The finish reason: the runtime's, else by the kind of calls.

    Args:
        given: the runtime's word, or "".
        called: whether the message has tool calls.
        legacy: whether it has a ``function_call``.
        kept: whether ``stop`` is kept although there are calls.
    """
    if given and (kept or given != "stop"):
        return given
    return "tool_calls" if called else "function_call" if legacy else "stop"


def generation_failed() -> UpstreamError:
    """The error for a choice whose generation failed."""
    return UpstreamError("The model provider failed while it was generating.")
