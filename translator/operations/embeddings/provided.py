"""A provider's list of embeddings, repaired if it differs from OpenAI's.

A correct list passes unchanged. Providers that imitate OpenAI's API omit fields that strict clients
require, and return vectors in one form whatever ``encoding_format`` was requested. A client that
expects base64 silently reads wrong vectors from floats, so the form is checked.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from translator.errors import unreadable
from translator.operations.base import Response
from translator.operations.embeddings.vectors import to_base64, to_floats
from translator.raw_json import (
    ABSENT,
    NULL,
    Object,
    decode_object,
    decode_objects,
    encode,
    is_null,
    opening,
    raw,
    text_or_none,
)
from translator.tasks import usage
from translator.tasks.usage import TokenCounts

_TEXT, _LIST = ord('"'), ord("[")
_WORDS = (b'"', b"{", b"[", b"u", b"l")  # text, objects, lists, true and null, false
_ITEM, _OBJECT = b'"embedding"', b'"list"'


class _Item(msgspec.Struct):
    embedding: Raw = NULL
    index: Raw = ABSENT
    object: Raw = ABSENT

    @property
    def form(self) -> int:
        """The first character of the vector."""
        return opening(self.embedding)

    @property
    def is_whole(self) -> bool:
        """Whether it has all fields of OpenAI's items."""
        return bytes(self.object) == _ITEM

    @property
    def is_vector(self) -> bool:
        """Whether there is a vector: text, or a list of nothing but numbers."""
        text = bytes(self.embedding)
        if self.form == _TEXT:
            return text != b'""'
        return self.form == _LIST and text != b"[]" and not any(word in text[1:] for word in _WORDS)


class _List(msgspec.Struct):
    data: list[_Item]
    model: Raw = NULL
    object: Raw = ABSENT
    usage: Raw = NULL


_Count = Annotated[int, Meta(ge=0)]


class _Usage(msgspec.Struct):
    prompt_tokens: _Count
    total_tokens: _Count


_decode = msgspec.json.Decoder(_List).decode


def complete(
    answer: bytes, model: str, server_model: str, *, count: int, wants_base64: bool
) -> Response:
    """Repair a provider's list.

    Args:
        answer: the list as compact JSON.
        model: the name in the client's request.
        server_model: the name in the model server's response, used if the provider names none.
        count: how many vectors the client requested.
        wants_base64: whether the client requested base64.

    Raises:
        UpstreamError: 502, there are more or fewer vectors, or something else instead of one.
    """
    try:
        view = _decode(answer)
    except msgspec.ValidationError as error:
        raise unreadable() from error
    if len(view.data) != count or not all(item.is_vector for item in view.data):
        raise unreadable()
    wanted = _TEXT if wants_base64 else _LIST
    tokens = usage.of_usage(view.usage)
    missing: Object = {}
    in_order = all(item.is_whole and item.form == wanted for item in view.data)
    if not (in_order and _are_numbered(view.data)):
        missing["data"] = _items(answer, view.data, wanted)
    if bytes(view.object) != _OBJECT:
        missing["object"] = Raw(_OBJECT)
    named = _text(view.model)
    if not named:
        missing["model"] = raw(model)
    if not _is_whole(view.usage):
        missing["usage"] = _usage(view.usage, tokens)
    body = encode(decode_object(answer) | missing) if missing else answer
    return Response(body, tokens, named or server_model)


def _items(answer: bytes, views: list[_Item], wanted: int) -> Raw:
    items = decode_objects(decode_object(answer)["data"])
    numbered = _are_numbered(views)
    for position, (item, view) in enumerate(zip(items, views, strict=True)):
        item["object"] = Raw(_ITEM)
        if not numbered:
            item["index"] = raw(position)
        if view.form != wanted:
            write = to_base64 if wanted == _TEXT else to_floats
            item["embedding"] = write(view.embedding)
    return raw(items)


def _are_numbered(views: list[_Item]) -> bool:
    """Whether each has an index of its own, in any order."""
    return {bytes(view.index) for view in views} == {b"%d" % index for index in range(len(views))}


def _text(value: Raw) -> str:
    return text_or_none(msgspec.json.decode(value)) or ""


def _is_whole(value: Raw) -> bool:
    try:
        msgspec.json.decode(value, type=_Usage)
    except msgspec.ValidationError:
        return False
    return True


def _usage(given: Raw, tokens: TokenCounts) -> Raw:
    """The provider's object with the missing counts added, zeros if they are unknown."""
    fields: Object = {}
    if not is_null(given) and opening(given) == ord("{"):
        fields = decode_object(given)
    prompt = _count(fields.get("prompt_tokens")) or tokens.prompt or 0
    total = _count(fields.get("total_tokens")) or prompt
    return raw(fields | {"prompt_tokens": raw(prompt or total), "total_tokens": raw(total)})


def _count(value: Raw | None) -> int:
    number = msgspec.json.decode(value) if value is not None else 0
    return int(number) if isinstance(number, int | float) and number > 0 else 0
