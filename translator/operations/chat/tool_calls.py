"""OpenAI's tool calls, from the pieces of a model's output."""

from collections.abc import Iterable

from msgspec import UNSET

from translator.openai.chat import CustomCall, FunctionCall, ToolCall, ToolCallDelta
from translator.tasks.repair import Repair
from translator.tasks.tool_calls import Call, CallPiece, Calls


class CallDeltas(Calls):
    """The calls of one message in a stream."""

    @property
    def repairs(self) -> set[Repair]:
        """The kinds of repairs so far."""
        found = {Repair.TOOL_CALL: self.repaired, Repair.UNICODE: self.halved}
        return {kind for kind, is_fault in found.items() if is_fault}

    def deltas(self, pieces: Iterable[CallPiece]) -> list[ToolCallDelta]:
        """The deltas for pieces: id, type and name when the name is complete, then arguments."""
        out = [
            _more(call, arguments)
            for call, _, arguments in self.place(pieces)
            if call.released and arguments
        ]
        return out + [_start(call) for call in self.release()]

    def closing_deltas(self) -> list[ToolCallDelta]:
        """Held calls, and ``{}`` for calls without arguments, because clients parse them as JSON.

        Raises:
            UpstreamError: 502, a call has no name.
        """
        more = [_more(call, added) for call, added in self.complete()]
        held = self.release(end=True)
        self.complete()
        return more + [_start(call) for call in held]


def join(pieces: Iterable[CallPiece], repairs: set[Repair]) -> list[ToolCall]:
    """Join pieces to whole calls. The kinds of repairs are added to ``repairs``.

    Raises:
        UpstreamError: 502, a call has no name.
    """
    calls = CallDeltas()
    calls.place(pieces)
    whole = calls.release(end=True)
    calls.complete()
    repairs.update(calls.repairs)
    return [
        ToolCall(call.id, "custom", custom=CustomCall(call.name, call.said))
        if call.custom
        else ToolCall(call.id, "function", FunctionCall(call.name, call.said))
        for call in whole
    ]


def _start(call: Call) -> ToolCallDelta:
    if call.custom:
        custom = CustomCall(call.name, call.said)
        return ToolCallDelta(call.number, call.id, "custom", UNSET, custom)
    return ToolCallDelta(call.number, call.id, "function", FunctionCall(call.name, call.said))


def _more(call: Call, arguments: str) -> ToolCallDelta:
    if call.custom:
        return ToolCallDelta(call.number, custom=CustomCall(input=arguments))
    return ToolCallDelta(call.number, function=FunctionCall(arguments=arguments))
