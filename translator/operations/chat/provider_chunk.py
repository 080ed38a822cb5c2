"""One chunk of a provider: the places of its choices, and its repair.

Whether a chunk is wrong depends on the chunks before it: see
:mod:`translator.operations.chat.provider`. It is decoded only as far as necessary, so that unknown
fields keep their order and their digits.
"""

from msgspec import UNSET, Raw

from translator.operations.chat import repair
from translator.operations.chat.provider_views import OBJECT, ChoiceView, DeltaView, FunctionView
from translator.raw_json import (
    ABSENT,
    NULL,
    Object,
    decode_object,
    decode_objects,
    encode,
    is_null,
    is_present,
    raw,
)
from translator.tasks.repair import Repair
from translator.tasks.tool_calls import Call, CallPiece, Placed

_WHOLE = Raw(b'"chat.completion"')
_EMPTY, _NONE = Raw(b"{}"), Raw(b"[]")
_ASSISTANT = Raw(b'"assistant"')
_SILENT = (b"", b"null", b'""', b"[]", b"{}")


class Place:
    """The place of a chunk's choice in the response.

    Attributes:
        position: its position in the chunk.
        index: the index of the choice in the response.
        first: whether it is the first piece of that choice.
        pieces: its pieces of tool calls.
        calls: for each piece, the call, whether it begins here, and the arguments that it adds.
        function: the parts of name and arguments of its function_call, if it has one.
        is_lost: whether its calls have no name at the end.
        reason: the finish reason, or "".
        view: the choice as received.
    """

    __slots__ = (
        "calls",
        "first",
        "function",
        "index",
        "is_lost",
        "pieces",
        "position",
        "reason",
        "view",
    )

    def __init__(self, position: int, index: int, view: ChoiceView, *, first: bool) -> None:
        self.position = position
        self.index = index
        self.first = first
        self.view = view
        self.pieces: list[CallPiece] = []
        self.calls: list[Placed] = []
        self.function: tuple[str, str] | None = None
        self.is_lost = False
        self.reason = "" if view.finish_reason is None else view.reason

    @property
    def has_held_calls(self) -> bool:
        """Whether the start of a call is held."""
        return bool(self.calls) and not all(call.released for call, _, _ in self.calls)

    @property
    def in_order(self) -> bool:
        """Whether the choice needs no repair."""
        view = self.view
        return (
            not self.is_lost
            and view.is_in_order(self.index, first=self.first)
            and (view.finish_reason or "") == self.reason
            and (not (self.calls or self.function) or self._are_calls_in_order())
        )

    def faults(self) -> set[Repair]:
        """The kinds of repairs that the choice needs."""
        view, delta = self.view, self.view.delta or DeltaView()
        word = None if view.finish_reason is UNSET else view.finish_reason
        found = {
            Repair.HEAD: view.number != self.index,
            Repair.MESSAGE: delta.role != ("assistant" if self.first else None)
            or not delta.has_texts,
            Repair.FINISH_REASON: word is not None and word != self.reason,
            Repair.TOOL_CALL: not self._are_calls_in_order(),
        }
        return {kind for kind, is_fault in found.items() if is_fault}

    def _are_calls_in_order(self) -> bool:
        delta = self.view.delta or DeltaView()
        if delta.tool_calls is None or not self._is_function_in_order(delta.function_call):
            return False
        return all(
            item.is_in_order(call, opens=opens) and piece.arguments == arguments
            for item, piece, (call, opens, arguments) in zip(
                delta.tool_calls, self.pieces, self.calls, strict=True
            )
        )

    def _is_function_in_order(self, given: FunctionView | None) -> bool:
        if given is None or self.function is None:
            return True
        name, _ = self.function
        return given.name == (name or UNSET) and given.has_text


def split(completion: bytes, repairs: set[Repair]) -> list[bytes]:
    """Split a whole completion into chunks: for each choice its output and its end, then usage.

    Repairs that only a whole completion can need are added to ``repairs``.
    """
    fields = decode_object(completion)
    if fields.get("object") != _WHOLE:
        repairs.add(Repair.HEAD)
    fields["object"] = raw(OBJECT)
    choices = decode_objects(fields.pop("choices"))
    usage = fields.pop("usage", NULL)
    parts = []
    for position, choice in enumerate(choices):
        index = raw(position)
        if choice.get("index") != index:
            repairs.add(Repair.HEAD)
        message = choice.pop("message", NULL)
        if is_null(message):
            delta = choice.get("delta", _EMPTY)
        else:
            delta = _numbered(message)
            if b'"content"' not in bytes(message):
                repairs.add(Repair.MESSAGE)
        reason = choice.pop("finish_reason", NULL)
        parts += [
            [choice | {"index": index, "delta": delta}],
            [{"index": index, "delta": _EMPTY, "finish_reason": reason}],
        ]
    chunks = [fields | {"choices": raw(part)} for part in parts]
    if is_present(usage):
        chunks.append(fields | {"choices": _NONE, "usage": usage})
    return [*map(encode, chunks)]


def _numbered(message: Raw) -> Raw:
    """Number the tool calls of a message, each of which is a separate call."""
    fields = decode_object(message)
    if is_null(fields.get("tool_calls")):
        return message
    calls = decode_objects(fields["tool_calls"])
    numbered = [call | {"index": raw(number)} for number, call in enumerate(calls)]
    return raw(fields | {"tool_calls": raw(numbered)})


def rebuild(choice: Object, place: Place) -> Object:
    """Repair a choice of a chunk."""
    delta = decode_object(choice["delta"]) if choice.get("delta", NULL) != NULL else {}
    delta.pop("role", None)
    if place.first:
        delta = {"role": _ASSISTANT} | delta
    repair.texts(delta)
    if place.is_lost:
        delta["tool_calls"] = NULL
    for name in ("tool_calls", "function_call"):
        if is_null(delta.get(name, ABSENT)):
            delta.pop(name, None)
    if place.calls and not place.is_lost:
        calls = zip(decode_objects(delta["tool_calls"]), place.calls, strict=True)
        delta["tool_calls"] = raw([_call(item, *where) for item, where in calls])
    if place.function is not None:
        delta["function_call"] = _function(decode_object(delta["function_call"]), *place.function)
    return choice | {
        "index": raw(place.index),
        "delta": raw(delta),
        "finish_reason": raw(place.reason or None),
    }


def _call(given: Object, call: Call, opens: bool, arguments: str) -> Object:  # noqa: FBT001 -- a triple unpacked
    """A piece of a tool call: id, type and name only in the first, and arguments as text."""
    number = {"index": raw(call.number)}
    if opens:
        return number | repair.call(given, call.id, call.name, custom=call.custom) | number
    given = {name: value for name, value in given.items() if name not in ("id", "type")}
    payload = "custom" if call.custom else "function"
    fields = decode_object(given[payload]) if is_present(given.get(payload, NULL)) else {}
    fields.pop("name", None)
    fields["input" if call.custom else "arguments"] = raw(arguments)
    return number | given | number | {payload: raw(fields)}


def _function(given: Object, name: str, arguments: str) -> Raw:
    """A piece of a function_call, the deprecated form."""
    given.pop("name", None)
    named = {"name": raw(name)} if name else {}
    return raw(named | given | {"arguments": raw(arguments)})


def says_something(chunk: bytes, position: int, *, calls: bool = True) -> bool:
    """Whether a choice has any output, and not only an end.

    Args:
        chunk: the chunk as received.
        position: the position of the choice in it.
        calls: whether tool calls count.
    """
    delta = decode_objects(decode_object(chunk)["choices"])[position].get("delta", NULL)
    fields = {} if is_null(delta) else decode_object(delta)
    silent = ("role",) if calls else ("role", "tool_calls")
    return any(bytes(value) not in _SILENT for name, value in fields.items() if name not in silent)
