"""Tool calls, whole or in pieces, and the assignment of pieces to calls.

The rules are the same for tensors and for a provider's chunks:

- The index is decisive: a new index begins a call. Calls with the same index differ by id.
- Without an index the id is decisive; without either, a piece continues the last call.
- A name equal to the name so far is a repetition. A different name, before any arguments, is
  appended to it.
- A piece with a name begins a call if it cannot continue one: both id and name are different, the
  name changes after arguments, or arguments follow a complete JSON object.
- A piece without a name never begins a call at a known index.
- The start of a call is held until its name is complete: until the first arguments, the next call,
  or the end. A call without a name may hold at most :data:`MOST_HELD`.
"""

from collections.abc import Iterable

import msgspec

from translator import surrogates
from translator.errors import unreadable
from translator.ids import call_id

MOST_HELD = 1 << 20
"""Characters of a stream that wait for the name of a call."""

MOST_CALLS = 1000
"""The number of tool calls of a choice, or of pieces in one event, that are accepted."""


class CallPiece(msgspec.Struct):
    """The content of one object about a call; None for what it lacks.

    Attributes:
        index: the index of the call.
        id: the id of the call.
        name: the name of the function or tool, or a part of it.
        arguments: a part of the arguments, or of a custom tool's input.
        custom: whether the call is of a custom tool, which takes text, and not of a function.
    """

    index: int | None
    id: str | None
    name: str | None
    arguments: str
    custom: bool = False


class Call:
    """A call that has begun.

    Attributes:
        number: its position among the calls of its message.
        index: the index that the runtime gives it, or None.
        given_id: the first id in its pieces, even if another call has it too.
        id: ``given_id`` if no other call has it; else generated when the start is released.
        name: the name so far.
        custom: whether it is a call of a custom tool.
        arguments: the pieces of the arguments.
        half: the half of a surrogate pair at the end of the arguments so far, or "".
        again: a piece with its name again after complete arguments: of the next call, if other
            arguments follow.
        released: whether its start is complete and no longer held.
    """

    __slots__ = (
        "again",
        "arguments",
        "custom",
        "given_id",
        "half",
        "id",
        "index",
        "name",
        "number",
        "released",
    )

    def __init__(self, number: int, piece: CallPiece, identity: str) -> None:
        self.number = number
        self.index = piece.index
        self.given_id = piece.id
        self.id = identity
        self.name = surrogates.clean(piece.name or "")
        self.custom = piece.custom
        self.arguments: list[str] = []
        self.half = ""
        self.again: CallPiece | None = None
        self.released = False

    @property
    def said(self) -> str:
        """All arguments so far."""
        if len(self.arguments) > 1:
            self.arguments = ["".join(self.arguments)]
        return self.arguments[0] if self.arguments else ""

    @property
    def is_whole(self) -> bool:
        """Whether the arguments are a complete JSON object."""
        if not self.arguments or not self.arguments[-1].rstrip().endswith("}"):
            return False
        try:
            return isinstance(msgspec.json.decode(self.said), dict)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return False


Placed = tuple[Call, bool, str]
"""The call of a piece, whether the piece begins that call, and the arguments that it adds."""


class Calls:
    """The calls of one message, numbered from 0 in the order in which they begin.

    Attributes:
        repaired: one has a name or an id that did not come with its first piece.
        halved: there was half a surrogate pair in their arguments.
    """

    def __init__(self) -> None:
        self.repaired = False
        self.halved = False
        self._calls: list[Call] = []
        self._ids: dict[str, Call] = {}
        self._by_index: dict[int, list[Call]] = {}
        self._held: list[Call] = []
        self._nameless = 0

    def __bool__(self) -> bool:
        return bool(self._calls)

    @property
    def holds(self) -> bool:
        """Whether the start of a call is held."""
        return bool(self._held)

    def place(self, pieces: Iterable[CallPiece]) -> list[Placed]:
        """Assign the pieces of one delta to calls.

        Raises:
            UpstreamError: 502, the pieces of a call without a name are too large.
        """
        touched: set[int] = set()
        placed = []
        for given in pieces:
            piece, call = given, self._find(given, touched)
            if call is not None and call.again is not None and _begins_arguments(given):
                piece = msgspec.structs.replace(call.again, arguments=given.arguments)
                call = None
            opens = call is None
            if call is None:
                call = self._open(piece)
            else:
                self._go_on(call, piece)
            arguments = piece.arguments
            if not opens and arguments and self._is_repeated(call, piece):
                arguments = ""
            if call.half or surrogates.is_marked(arguments):
                arguments, call.half = surrogates.join(call.half, arguments)
                self.halved = True
            if arguments:
                call.arguments.append(arguments)
                if not call.name:
                    self._hold(arguments)
            touched.add(call.number)
            placed.append((call, opens, arguments))
        return placed

    def release(self, *, end: bool = False) -> list[Call]:
        """The calls whose start has become complete, each returned once, in order.

        Args:
            end: whether there are no more pieces.

        Raises:
            UpstreamError: 502, a call has no name at the end.
        """
        count = 0
        for call in self._held:
            is_last = call is self._calls[-1]
            if not call.name:
                if end:
                    raise unreadable()
                break
            if is_last and not call.arguments and not end:
                break
            if not call.id:
                call.id = call_id()
                self.repaired = True
            call.released = True
            count += 1
        released, self._held = self._held[:count], self._held[count:]
        return released

    def complete(self) -> list[tuple[Call, str]]:
        """Complete the arguments of released calls at the end; return what was added to each."""
        added = []
        for call in self._calls:
            if call.released and call.half:
                added.append((call, surrogates.REPLACEMENT))
            elif call.released and not (call.arguments or call.custom):
                added.append((call, "{}"))
        for call, more in added:
            call.half = ""
            call.arguments.append(more)
        return added

    def _hold(self, arguments: str) -> None:
        self._nameless += len(arguments)
        if self._nameless > MOST_HELD:
            raise unreadable()

    def _open(self, piece: CallPiece) -> Call:
        # Ids are unique: a second call with the same id gets another.
        identity = piece.id if piece.id is not None and piece.id not in self._ids else ""
        call = Call(len(self._calls), piece, surrogates.clean(identity))
        self._calls.append(call)
        self._held.append(call)
        if piece.id is not None:
            self._ids[piece.id] = call
        if piece.index is not None:
            self._by_index.setdefault(piece.index, []).append(call)
        return call

    def _go_on(self, call: Call, piece: CallPiece) -> None:
        """Add the id, index and name of a further piece to the call."""
        if piece.id is not None and call.given_id is None and piece.id not in self._ids:
            call.given_id = piece.id
            self._ids[piece.id] = call
            if not call.released:
                call.id = piece.id
        if call.index is None and piece.index is not None:
            call.index = piece.index
            self._by_index.setdefault(piece.index, []).append(call)
        if piece.name and not call.released and piece.name != call.name:
            call.name += surrogates.clean(piece.name)
            call.custom = call.custom or piece.custom
            self.repaired = True
        if piece.name and not piece.arguments.strip() and call.is_whole:
            call.again = piece

    def _find(self, piece: CallPiece, touched: set[int]) -> Call | None:
        """The call that a piece continues, or None if it begins one."""
        if piece.index is not None:
            call = self._at(piece.index, piece)
        elif piece.id is not None:
            call = self._ids.get(piece.id) or self._without_index(piece)
        else:
            call = self._calls[-1] if self._calls else None
        return None if call is None or _opens(call, piece, touched) else call

    def _at(self, index: int, piece: CallPiece) -> Call | None:
        calls = self._by_index.get(index)
        if calls is None:
            # The index is late: it belongs to the call with this id, or to the last call.
            known = self._ids.get(piece.id) if piece.id is not None else None
            if known is None and not (piece.id or piece.name) and self._calls:
                known = self._calls[-1]
            return known if known is not None and known.index is None else None
        return next((call for call in calls if piece.id and call.given_id == piece.id), calls[-1])

    def _without_index(self, piece: CallPiece) -> Call | None:
        """The call of a piece with a new id and no index: the last, unless it is complete."""
        last = self._calls[-1] if self._calls else None
        if last is None or last.is_whole:
            return None
        is_late = last.given_id is None and last.name in ("", piece.name)
        return last if is_late or not piece.name else None

    @staticmethod
    def _is_repeated(call: Call, piece: CallPiece) -> bool:
        """Whether a piece repeats a whole call, as some providers do at the end of a stream."""
        same = piece.id is not None and piece.id == call.given_id and piece.name == call.name
        return same and piece.arguments == call.said and call.is_whole


def _begins_arguments(piece: CallPiece) -> bool:
    return not piece.name and piece.arguments.lstrip().startswith("{")


def _opens(call: Call, piece: CallPiece, touched: set[int]) -> bool:
    """Whether a piece begins a call although its index or id is that of ``call``."""
    if not piece.name or not call.name:
        return False
    other_name = piece.name != call.name
    in_same_delta = call.number in touched
    more = piece.arguments.strip()
    if piece.id is not None and piece.id == call.given_id:
        if other_name:
            return bool(call.arguments or in_same_delta)
        return in_same_delta and more not in ("", call.said) and call.is_whole
    other_id = piece.id is not None and call.given_id is not None
    if (other_name and (other_id or call.arguments)) or (
        in_same_delta and (other_id or piece.index is None)
    ):
        return True
    if call.is_whole:
        return other_id or bool(more)
    # The same name with another id: a new call if its arguments begin as those of a new call.
    return other_id and more[:1] == ("{" if call.arguments else "")
