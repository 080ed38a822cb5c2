"""Tool calls as OpenAI says them, made of the pieces in which a model says them."""

from collections.abc import Iterable, Iterator

from translator.errors import unreadable
from translator.ids import call_id
from translator.openai.chat import FunctionCall, ToolCall, ToolCallDelta
from translator.tasks.tool_calls import CallPiece, Calls


class CallDeltas(Calls):
    """The calls of one message in a stream."""

    def deltas(self, pieces: Iterable[CallPiece]) -> Iterator[ToolCallDelta]:
        """What each piece adds: id, type and name with the first of a call, then arguments only.

        Raises:
            UpstreamError: 502, a call begins without a name.
        """
        for piece in pieces:
            number, begins = self.place(piece)
            if begins:
                if piece.name is None:
                    raise unreadable()
                function = FunctionCall(piece.name, piece.arguments)
                yield ToolCallDelta(number, piece.id or call_id(), "function", function)
            elif piece.arguments:
                yield ToolCallDelta(number, function=FunctionCall(arguments=piece.arguments))

    def closing_deltas(self) -> list[ToolCallDelta]:
        """Empty arguments for the calls that have none; clients parse them as JSON."""
        return [
            ToolCallDelta(number, function=FunctionCall(arguments="{}"))
            for number in self.without_arguments()
        ]


def join(pieces: Iterable[CallPiece]) -> list[ToolCall]:
    """The whole calls that the pieces make.

    Raises:
        UpstreamError: 502, a call has no name.
    """
    calls: list[ToolCall] = []
    arguments: list[list[str]] = []
    for delta in CallDeltas().deltas(pieces):
        function = delta.function or FunctionCall()
        if delta.index == len(calls):
            calls.append(ToolCall(delta.id or "", "function", function))
            arguments.append([])
        arguments[delta.index].append(function.arguments)
    for call, parts in zip(calls, arguments, strict=True):
        call.function.arguments = "".join(parts) or "{}"
    return calls
