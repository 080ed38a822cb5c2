"""Tool calls as a model says them, whole or in pieces: which piece belongs to which call."""

import msgspec


class CallPiece(msgspec.Struct):
    """What one object says of a call; None is what it leaves open."""

    index: int | None
    id: str | None
    name: str | None
    arguments: str


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

    def without_arguments(self) -> list[int]:
        """The numbers of the calls that have no arguments yet."""
        return [number for number, call in enumerate(self._calls) if not call.argued]

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
