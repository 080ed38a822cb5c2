"""Tool calls as OpenAI says them, made of the pieces in which a model says them."""

from collections.abc import Iterable

from msgspec import UNSET

from translator.openai.chat import CustomCall, FunctionCall, ToolCall, ToolCallDelta
from translator.tasks.tool_calls import Call, CallPiece, Calls


class CallDeltas(Calls):
    """The calls of one message in a stream."""

    def deltas(self, pieces: Iterable[CallPiece]) -> list[ToolCallDelta]:
        """What pieces add: id, type and name once the name is complete, then arguments only."""
        out = [
            _more(call, arguments)
            for call, _, arguments in self.place(pieces)
            if call.released and arguments
        ]
        return out + [_start(call) for call in self.release()]

    def closing_deltas(self) -> list[ToolCallDelta]:
        """What was held, and empty arguments for calls that have none; clients parse them as JSON.

        Raises:
            UpstreamError: 502, a call has no name.
        """
        silent = [call for call in self.without_arguments() if not call.custom]
        held = self.release(end=True)
        for call in (*silent, *held):
            _complete(call)
        return [_more(call, "{}") for call in silent] + [_start(call) for call in held]


def join(pieces: Iterable[CallPiece]) -> list[ToolCall]:
    """The whole calls that the pieces make.

    Raises:
        UpstreamError: 502, a call has no name.
    """
    calls = Calls()
    calls.place(pieces)
    whole = calls.release(end=True)
    for call in whole:
        _complete(call)
    return [
        ToolCall(call.id, "custom", custom=CustomCall(call.name, call.said))
        if call.custom
        else ToolCall(call.id, "function", FunctionCall(call.name, call.said))
        for call in whole
    ]


def _complete(call: Call) -> None:
    if not call.arguments and not call.custom:
        call.arguments.append("{}")


def _start(call: Call) -> ToolCallDelta:
    if call.custom:
        custom = CustomCall(call.name, call.said)
        return ToolCallDelta(call.number, call.id, "custom", UNSET, custom)
    return ToolCallDelta(call.number, call.id, "function", FunctionCall(call.name, call.said))


def _more(call: Call, arguments: str) -> ToolCallDelta:
    if call.custom:
        return ToolCallDelta(call.number, custom=CustomCall(input=arguments))
    return ToolCallDelta(call.number, function=FunctionCall(arguments=arguments))
