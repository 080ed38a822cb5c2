"""Tool calls in the tensors of a runtime, whole or in pieces.

No runtime documents how it writes them, so every encoding met is understood: a JSON object per
element, a JSON list of objects, a JSON list of JSON strings, null and "". An object is OpenAI's
tool call, OpenAI's delta of one, or the bare function as some chat templates emit it.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Raw

from translator.oip.response import unreadable
from translator.openai.chat import FunctionCall, ToolCall, ToolCallDelta
from translator.openai.request import is_null


class CallPiece(msgspec.Struct):
    """What one object says of a call; None is what it leaves open."""

    index: int | None
    id: str | None
    name: str | None
    arguments: str


def read(text: str) -> list[CallPiece]:
    """The pieces in one element of the tensor ``tool_calls`` or ``function_call``.

    Raises:
        UpstreamError: 502, it is in none of the encodings.
    """
    if not text:
        return []
    try:
        document = _decode_document(text)
        items = document if isinstance(document, list) else [document]
        calls = [_decode_call(item) if item and isinstance(item, str) else item for item in items]
        return [_piece(call) for call in calls if isinstance(call, dict)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise unreadable() from error


_Call = dict[str, Raw]
_decode_document = msgspec.json.Decoder(list[_Call | str | None] | _Call | str | None).decode
_decode_call = msgspec.json.Decoder(_Call | None).decode


def _piece(call: _Call) -> CallPiece:
    function = _decode_call(call["function"]) if "function" in call else call
    if function is None:
        raise unreadable()
    index, identity, name = _value(call, "index"), _value(call, "id"), _value(function, "name")
    arguments = function.get("arguments", Raw(b"null"))
    if memoryview(arguments)[0] == ord('"'):
        text = msgspec.json.decode(arguments, type=str)
    else:  # an object: as text, digit for digit
        text = (
            "" if is_null(arguments) else msgspec.json.format(bytes(arguments), indent=-1).decode()
        )
    return CallPiece(
        index if isinstance(index, int) else None,
        identity if identity and isinstance(identity, str) else None,
        name if name and isinstance(name, str) else None,
        text,
    )


def _value(fields: _Call, name: str) -> Any:
    return msgspec.json.decode(fields[name]) if name in fields else None


class _Begun(msgspec.Struct):
    """A call that has begun."""

    id: str | None
    name: str | None
    argued: bool = False


class Calls:
    """The calls of one message, numbered from 0 in the order in which they begin."""

    def __init__(self) -> None:
        self._calls: list[_Begun] = []
        self._by_id: dict[str, int] = {}
        self._by_index: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

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
                yield ToolCallDelta(number, piece.id or new_call_id(), "function", function)
            elif piece.arguments:
                yield ToolCallDelta(number, function=FunctionCall(arguments=piece.arguments))

    def place(self, piece: CallPiece) -> tuple[int, bool]:
        """The number of the call that a piece belongs to, and whether it begins that call.

        An id decides, then an index together with the name: some providers give every call the
        index 0. A piece that has neither id nor name nor index goes on with the last call.
        """
        number = self._find(piece)
        begins = number is None
        if number is None:
            number = len(self._calls)
            self._calls.append(_Begun(piece.id, piece.name))
            if piece.id is not None:
                self._by_id[piece.id] = number
            if piece.index is not None:
                self._by_index[piece.index] = number
        self._calls[number].argued |= bool(piece.arguments)
        return number, begins

    def without_arguments(self) -> list[ToolCallDelta]:
        """Empty arguments for the calls that have none; clients parse them as JSON."""
        return [
            ToolCallDelta(number, function=FunctionCall(arguments="{}"))
            for number, call in enumerate(self._calls)
            if not call.argued
        ]

    def _find(self, piece: CallPiece) -> int | None:
        if piece.id is not None and piece.id in self._by_id:
            return self._by_id[piece.id]
        if piece.index is not None:
            number = self._by_index.get(piece.index)
            if number is not None:
                call = self._calls[number]
                same_id = piece.id is None or call.id is None
                same_name = piece.name is None or call.name in (None, piece.name)
                return number if same_id and same_name else None
        if self._calls and piece.id is None and piece.name is None and piece.index is None:
            return len(self._calls) - 1
        return None


def new_call_id() -> str:
    """An id for a call that its runtime gave none."""
    return f"call_{uuid4().hex[:24]}"


def join(pieces: Iterable[CallPiece]) -> list[ToolCall]:
    """The whole calls that the pieces make.

    Raises:
        UpstreamError: 502, a call has no name.
    """
    calls: list[ToolCall] = []
    arguments: list[list[str]] = []
    for delta in Calls().deltas(pieces):
        function = delta.function or FunctionCall()
        if delta.index == len(calls):
            calls.append(ToolCall(delta.id or "", "function", function))
            arguments.append([])
        arguments[delta.index].append(function.arguments)
    for call, parts in zip(calls, arguments, strict=True):
        call.function.arguments = "".join(parts) or "{}"
    return calls
