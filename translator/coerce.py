"""Converts JSON with wrong types to a type, with as few changes as possible.

The type is a struct of msgspec. Unknown fields, the order of keys and the digits are kept. A value
that does not fit is

* dropped, if the default of its field is UNSET;
* replaced by null, an empty list or a given value, if the field is required (:data:`BLANK`);
* written as ``2``, if it is an integer written as ``2.0``;
* else an error of the object that contains it, which then does not fit either.
"""

from functools import cache
from typing import Any

import msgspec
from msgspec import NODEFAULT, Raw, inspect

from translator.raw_json import NULL, decode_list, decode_object, encode, is_null, raw

BLANK = "blank"
"""In the ``extra`` of a type's metadata: the value of a required field that is missing."""

_EMPTY = Raw(b"[]")
_MOST = 2**63
_LEAVES: dict[type[inspect.Type], Any] = {
    inspect.AnyType: Raw,
    inspect.RawType: Raw,
    inspect.StrType: str,
    inspect.FloatType: float,
    inspect.DictType: dict[str, Raw],
}


def coerce(value: bytes | Raw, kind: type[msgspec.Struct]) -> tuple[Raw, set[type]]:
    """Convert a value to a type; returns it with the structs of which a field was changed.

    Raises:
        msgspec.ValidationError: it cannot be made to fit.
    """
    changed: set[type] = set()
    return _fit(Raw(bytes(value)), _type_of(kind), changed), changed


_type_of = cache(inspect.type_info)


def _fit(value: Raw, kind: inspect.Type, changed: set[type]) -> Raw:
    match kind:
        case inspect.StructType():
            return _fit_object(value, kind, changed)
        case inspect.UnionType(types=(item, _)):  # something and null
            return value if is_null(value) else _fit(value, item, changed)
        case inspect.ListType(item_type=item_type):
            items = decode_list(value)
            fitted = [_fit(item, item_type, changed) for item in items]
            return value if fitted == items else raw(fitted)
        case inspect.Metadata(type=item):
            return _fit(value, item, changed)
        case inspect.IntType():
            return _fit_integer(value, kind)
        case inspect.LiteralType(values=values):
            if msgspec.json.decode(value) not in values:
                raise msgspec.ValidationError
        case _:
            msgspec.json.decode(value, type=_LEAVES[type(kind)])
    return value


def _fit_object(value: Raw, kind: inspect.StructType, changed: set[type]) -> Raw:
    given = decode_object(value)
    fitted = dict(given)
    for field in kind.fields:
        name = field.encode_name
        if name not in given and not field.required:
            continue
        try:
            fitted[name] = _fit(given.get(name, NULL), field.type, changed)
        except msgspec.ValidationError:
            changed.add(kind.cls)
            if field.required:
                fitted[name] = _blank(field.type)
            elif field.default is NODEFAULT and field.default_factory is NODEFAULT:  # UNSET
                del fitted[name]
            else:
                raise
        if name not in given or (_is_integer(field.type) and fitted.get(name) != given[name]):
            changed.add(kind.cls)
    return value if fitted == given else Raw(encode(fitted))


def _fit_integer(value: Raw, kind: inspect.IntType) -> Raw:
    number = msgspec.json.decode(value, type=float)
    least = -_MOST if kind.ge is None else kind.ge
    most = _MOST if kind.le is None else kind.le
    if not (number.is_integer() and least <= number <= most):
        raise msgspec.ValidationError
    return value if bytes(value).lstrip(b"-").isdigit() else raw(int(number))


def _is_integer(kind: inspect.Type) -> bool:
    match kind:
        case inspect.UnionType(types=(item, _)) | inspect.Metadata(type=item):
            return _is_integer(item)
    return isinstance(kind, inspect.IntType)


def _blank(kind: inspect.Type) -> Raw:
    match kind:
        case inspect.Metadata(extra=dict(extra)) if BLANK in extra:
            return raw(extra[BLANK])
        case inspect.UnionType(includes_none=True):
            return NULL
        case inspect.ListType():
            return _EMPTY
        case _:
            raise msgspec.ValidationError
