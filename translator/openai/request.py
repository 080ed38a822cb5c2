"""Reading request bodies as OpenAI does: what is wrong is said in OpenAI's words.

A body is taken apart no further than its translation needs: a field that only passes through
stays the JSON text the client wrote (:class:`msgspec.Raw`), so numbers keep their digits and
objects their key order.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw

from translator.errors import ClientError

Fields = dict[str, Raw]
"""The top level of a body: field name to JSON text."""

_decoder = cache(msgspec.json.Decoder)  # of a type; each is made once
_decode_fields = _decoder(Fields).decode

_NULL = b"null"

_UNPARSABLE = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
    "your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was "
    "not valid JSON.)"
)

# msgspec's words for JSON types, in OpenAI's.
_TYPE_NAMES = {
    "str": "a string",
    "int": "an integer",
    "float": "a decimal",
    "bool": "a boolean",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_MISMATCH = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>\w+)`(?: - at `\$(?P<at>.*)`)?")
_MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`(?: - at `\$(?P<at>.*)`)?")


def decode_body(body: bytes) -> Fields:
    """Take a request body apart at its top level.

    Raises:
        ClientError: 400, the body is not UTF-8, not JSON, nested too deeply or not an object.
    """
    try:
        str(body, "utf-8")  # msgspec reads past text it does not keep, whatever its bytes
        fields: Fields = _decode_fields(body)
    except msgspec.ValidationError as error:
        raise ClientError("Invalid type for the request body: expected an object.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ClientError(_UNPARSABLE) from error
    except RecursionError as error:
        raise too_deep() from error
    return fields


def too_deep() -> ClientError:
    """The error for JSON that is nested beyond what Python can follow."""
    return ClientError("The JSON body of your request is nested too deeply.")


def decode_field(raw: Raw, type: Any, param: str) -> Any:  # noqa: A002 -- as msgspec says it
    """Decode one field into ``type``.

    Raises:
        ClientError: 400 ``invalid_type`` or ``missing_required_parameter``, ``param`` naming the
            very element that is wrong.
    """
    try:
        return _decoder(type).decode(raw)
    except msgspec.ValidationError as error:
        raise _explain(str(error), param) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise ClientError(_UNPARSABLE, param=param) from error


def _explain(text: str, param: str) -> ClientError:
    if match := _MISSING.match(text):
        path = f"{param}{match['at'] or ''}.{match['field']}"
        return missing(path)
    if match := _MISMATCH.match(text):
        path = f"{param}{match['at'] or ''}"
        wanted = [_TYPE_NAMES.get(name, name) for name in match["wanted"].split(" | ")]
        got = _TYPE_NAMES.get(match["got"], match["got"])
        return ClientError(
            f"Invalid type for '{path}': expected {_one_of(wanted)}, but got {got} instead.",
            param=path,
            code="invalid_type",
        )
    return ClientError(f"Invalid value for '{param}'.", param=param, code="invalid_value")


def _one_of(names: list[str]) -> str:
    names = [name for name in names if name != "null"] or names
    return names[0] if len(names) == 1 else f"one of {', '.join(names[:-1])} or {names[-1]}"


def missing(param: str) -> ClientError:
    """The error for a required field that is not there."""
    return ClientError(
        f"Missing required parameter: '{param}'.",
        param=param,
        code="missing_required_parameter",
    )


def empty_array(param: str) -> ClientError:
    """The error for a list that must hold something."""
    return ClientError(
        f"Invalid '{param}': empty array. Expected an array with minimum length 1, "
        "but got an empty array instead.",
        param=param,
        code="empty_array",
    )


def unsupported(param: str, value: str, supported: Sequence[str]) -> ClientError:
    """The error for a value that is none of those a field may have."""
    quoted = [f"'{name}'" for name in supported]
    return ClientError(
        f"Invalid value: '{value}'. Supported values are: "
        f"{', '.join(quoted[:-1])} and {quoted[-1]}.",
        param=param,
        code="invalid_value",
    )


def is_null(raw: Raw | None) -> bool:
    """Whether a field is absent or null, which OpenAI treats alike."""
    # The length first, so that a field of megabytes is not copied.
    return raw is None or (memoryview(raw).nbytes == len(_NULL) and bytes(raw) == _NULL)


def take(fields: Fields, name: str) -> Raw:
    """Remove a required field from the body and give its JSON text.

    Raises:
        ClientError: 400 ``missing_required_parameter``, the field is absent or null.
    """
    raw = fields.pop(name, None)
    if raw is None or is_null(raw):
        raise missing(name)
    return raw


def flag(fields: Fields, name: str) -> bool:
    """A boolean field, false when absent or null.

    Raises:
        ClientError: 400 ``invalid_type``.
    """
    raw = fields.get(name)
    return bool(raw is not None and decode_field(raw, bool | None, name))
