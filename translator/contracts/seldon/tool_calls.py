"""Tool calls in the tensors of a runtime, whole or in pieces.

No runtime documents how it writes them, so all known encodings are accepted: a JSON object per
element, a JSON list of objects, a JSON list of JSON strings, null and "". An object is OpenAI's
tool call (of a function or a custom tool), OpenAI's delta of one, or only the function, as some
chat templates write it.
"""

from typing import Any

import msgspec

from translator.errors import unreadable
from translator.raw_json import (
    NULL,
    Object,
    compact,
    integer_or_none,
    is_null,
    opening,
    text_or_none,
)
from translator.surrogates import mark_text
from translator.tasks.tool_calls import MOST_CALLS, CallPiece
from translator.value_count import MANY, exceeds


def read(text: str) -> list[CallPiece]:
    """The pieces in one element of the tensor ``tool_calls`` or ``function_call``.

    Raises:
        UpstreamError: 502, the text has none of the encodings, or too many pieces.
    """
    if not text:
        return []
    try:
        if len(text) > MANY and exceeds(text.encode(), MANY):
            raise unreadable()
        document = _document.decode(mark_text(text))
        items = document if isinstance(document, list) else [document]
        if len(items) > MOST_CALLS:
            raise unreadable()
        calls = [
            _decode_call(mark_text(item)) if item and isinstance(item, str) else item
            for item in items
        ]
        return [_piece(call) for call in calls if isinstance(call, dict)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise unreadable() from error


_document = msgspec.json.Decoder(list[Object | str | None] | Object | str | None)
_decode_call = msgspec.json.Decoder(Object | None).decode


def _piece(call: Object) -> CallPiece:
    if not is_null(call.get("custom")):
        return _custom_piece(call, _decode_call(call["custom"]) or {})
    function = _decode_call(call["function"]) if "function" in call else call
    if function is None:
        if not (_value(call, "id") or _value(call, "index") is not None):
            raise unreadable()
        function = {}  # an SDK's dump of a piece without a name, which comes in a later piece
    index, identity, name = _value(call, "index"), _value(call, "id"), _value(function, "name")
    arguments = function.get("arguments", NULL)
    if is_null(arguments):
        text = ""
    elif opening(arguments) == ord('"'):
        text = msgspec.json.decode(arguments, type=str)
    else:  # an object: as JSON text, with unchanged digits
        text = compact(arguments)
    return CallPiece(integer_or_none(index), text_or_none(identity), text_or_none(name), text)


def _custom_piece(call: Object, custom: Object) -> CallPiece:
    """A piece of a call of a custom tool, whose input is text of any form."""
    index, identity = integer_or_none(_value(call, "index")), text_or_none(_value(call, "id"))
    name, text = text_or_none(_value(custom, "name")), text_or_none(_value(custom, "input"))
    return CallPiece(index, identity, name, text or "", custom=True)


def _value(fields: Object, name: str) -> Any:
    return msgspec.json.decode(fields[name]) if name in fields else None
