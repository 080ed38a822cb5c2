"""Decodes and checks request bodies, with OpenAI's error messages.

A body is decoded only as far as its translation needs: a field that passes through stays the JSON
text that the client wrote (:class:`msgspec.Raw`), so that numbers keep their digits and objects
their key order.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw

from translator.errors import ClientError
from translator.raw_json import Object, is_null
from translator.value_count import MANY, exceeds

Decoder = msgspec.json.Decoder[Any]

_decoder = cache(msgspec.json.Decoder)  # one decoder per type
_decode_fields = _decoder(Object).decode

_LONGEST = 64  # characters of a value in an error
_BYTES_PER_VALUE = 200  # for each value beyond MANY

_UNPARSABLE = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
    "your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was "
    "not valid JSON.)"
)

# OpenAI's words for JSON types, by msgspec's.
_WANTED = {
    "str": "a string",
    "int": "an integer",
    "float": "a decimal",
    "bool": "a boolean",
    "array": "an array",
    "object": "an object",
}
_GOT = {**_WANTED, "float": "a decimal number", "null": "null"}
_MISMATCH = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>\w+)`(?: - at `\$(?P<at>.*)`)?")
_RANGE = re.compile(r"Expected `(?P<kind>int|float)` (?P<sign>[<>]=) (?P<bound>[-\d.]+)$")
# The types of elements, for arrays of other elements than objects.
_ELEMENTS = {
    "input": "strings",
    "input[]": "integers",
    "modalities": "strings",
    "stop": "strings",
}
_MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`(?: - at `\$(?P<at>.*)`)?")


def decode_body(body: bytes, separator: bytes = b",") -> Object:
    """Decode a request body at its top level.

    Args:
        body: the body.
        separator: what is limited: ``,`` for all values, or ``:`` for the fields of objects, if
            the elements of arrays are counted elsewhere.

    Raises:
        ClientError: 400, the body is not UTF-8, not JSON, nested too deeply, not an object, or has
            too many values.
    """
    try:
        str(body, "utf-8")  # msgspec does not check the encoding of text that it skips
        most = MANY + len(body) // _BYTES_PER_VALUE
        if len(body) > most and exceeds(body, most, separator):
            raise ClientError(
                f"Your request has too many JSON values: at most {most} are accepted in a request "
                "of this size.",
                code="too_many_values",
            )
        fields: Object = _decode_fields(body)
    except msgspec.ValidationError as error:
        raise ClientError("Invalid type for the request body: expected an object.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ClientError(_UNPARSABLE) from error
    except RecursionError as error:
        raise too_deep() from error
    return fields


def too_deep() -> ClientError:
    """The error for JSON that is nested too deeply for Python."""
    return ClientError("The JSON body of your request is nested too deeply.")


def decode_field(raw: Raw, type: Any, param: str) -> Any:  # noqa: A002 -- as msgspec says it
    """Decode one field into ``type``.

    Raises:
        ClientError: 400 ``invalid_type`` or ``missing_required_parameter``; ``param`` is the path
            of the invalid element.
    """
    return _decode(_decoder(type), raw, param)


def _decode(decoder: Decoder, raw: Raw, param: str) -> Any:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _explain(str(error), raw, param) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise ClientError(_UNPARSABLE, param=param) from error


def decoders(types: Mapping[str, Any]) -> Mapping[str, Decoder]:
    """Decoders by field, for :func:`check`."""
    return {name: msgspec.json.Decoder(type_) for name, type_ in types.items()}


def check(fields: Object, parameters: Mapping[str, Decoder]) -> None:
    """Check the types and ranges of the optional fields of a body.

    Args:
        fields: the body; fields that are not in ``parameters`` may have any value.
        parameters: the decoder of each field.

    Raises:
        ClientError: 400, as :func:`decode_field`, or for a range, such as
            ``integer_below_min_value``.
    """
    for name, raw in fields.items():
        if name in parameters:
            _decode(parameters[name], raw, name)


def _explain(text: str, raw: Raw, param: str) -> ClientError:
    if match := _MISSING.match(text):
        path = f"{param}{match['at'] or ''}.{match['field']}"
        return missing(path)
    if match := _MISMATCH.match(text):
        path = f"{param}{match['at'] or ''}"
        return invalid_type(path, _one_of(match["wanted"].split(" | "), path), _GOT[match["got"]])
    if match := _RANGE.match(text):
        kind = "integer" if match["kind"] == "int" else "decimal"
        side, limit = ("below", "minimum") if match["sign"] == ">=" else ("above", "maximum")
        return ClientError(
            f"Invalid '{param}': {kind} {side} {limit} value. Expected a value {match['sign']} "
            f"{match['bound'].removesuffix('.0')}, but got {_shown(raw)} instead.",
            param=param,
            code=f"{kind}_{side}_{limit[:3]}_value",
        )
    return ClientError(f"Invalid value for '{param}'.", param=param, code="invalid_value")


def _shown(number: Raw) -> str:
    return bytes(memoryview(number)[:40]).decode()  # a number can have a million digits


def _one_of(names: list[str], path: str) -> str:
    """The expected types as OpenAI lists them: the first with its article, the others without."""
    wanted = [_WANTED[name] for name in names if name != "null"]
    if "array" in names:
        elements = _ELEMENTS.get(re.sub(r"\[\d+\]", "[]", path), "objects")
        wanted = [f"{name} of {elements}" if name == "an array" else name for name in wanted]
    if len(wanted) == 1:
        return wanted[0]
    wanted[1:] = [name.partition(" ")[2] for name in wanted[1:]]
    return f"one of {', '.join(wanted[:-1])} or {wanted[-1]}"


def invalid_type(param: str, wanted: str, got: str) -> ClientError:
    """The error for a value of the wrong JSON type."""
    return ClientError(
        f"Invalid type for '{param}': expected {wanted}, but got {got} instead.",
        param=param,
        code="invalid_type",
    )


def missing(param: str) -> ClientError:
    """The error for a missing required field."""
    return ClientError(
        f"Missing required parameter: '{param}'.",
        param=param,
        code="missing_required_parameter",
    )


def empty_array(param: str) -> ClientError:
    """The error for a list that must not be empty."""
    return ClientError(
        f"Invalid '{param}': empty array. Expected an array with minimum length 1, "
        "but got an empty array instead.",
        param=param,
        code="empty_array",
    )


def too_many(param: str, most: int, got: int) -> ClientError:
    """The error for a list with too many elements."""
    return ClientError(
        f"Invalid '{param}': array too long. Expected an array with maximum length {most}, "
        f"but got an array with length {got} instead.",
        param=param,
        code="array_above_max_length",
    )


def empty_string(param: str) -> ClientError:
    """The error for a text that must not be empty."""
    return ClientError(
        f"Invalid '{param}': empty string. Expected a string with minimum length 1, "
        "but got an empty string instead.",
        param=param,
        code="empty_string",
    )


def unsupported(param: str, value: str, supported: Sequence[str]) -> ClientError:
    """The error for a value that is not one of the supported values."""
    quoted = [f"'{name}'" for name in supported]
    return ClientError(
        f"Invalid value: '{value[:_LONGEST]}'. Supported values are: "
        f"{', '.join(quoted[:-1])}{',' if len(quoted) > 2 else ''} and {quoted[-1]}.",  # noqa: PLR2004 -- as OpenAI writes lists
        param=param,
        code="invalid_value",
    )


def take(fields: Object, name: str) -> Raw:
    """Remove a required field from the body and return its JSON text.

    Raises:
        ClientError: 400 ``missing_required_parameter``, the field is absent or null.
    """
    raw = fields.pop(name, None)
    if raw is None or is_null(raw):
        raise missing(name)
    return raw


def flag(fields: Object, name: str) -> bool:
    """A boolean field; false if absent or null.

    Raises:
        ClientError: 400 ``invalid_type``.
    """
    raw = fields.get(name)
    return bool(raw is not None and decode_field(raw, bool | None, name))
