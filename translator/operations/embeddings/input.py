"""The ``input`` of an embeddings request: a text or a token array, or a list of either.

Its elements are counted before it is decoded: millions of small tokens or texts fit into a body of
normal size, and as objects they would take gigabytes and many seconds.
"""

import re
from itertools import islice

from msgspec import Raw

from translator.errors import ClientError
from translator.openai.request import decode_field, empty_array
from translator.raw_json import Object
from translator.tasks.embedding import Embedding
from translator.tasks.model import Model, Tokenizer

_LEAST, _MOST = -(2**63), 2**63 - 1  # the range of INT64
_MOST_TOKENS = 300_000  # in a request, OpenAI's limit
# Possessive quantifiers: backtracking would need a hundred bytes of memory per character.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_OPENING = re.compile(rb"\[\s*(.)", re.DOTALL)
_Items = list[str | int | list[int]]


def read_input(raw: Raw, parameters: Object, model: Model) -> Embedding:
    """Read the field ``input`` as a task.

    Args:
        raw: the value of the field.
        parameters: the other fields of the request.
        model: the model, with its limits and its tokenizer.

    Raises:
        ClientError: 400, the value has another type, is empty, or has too many elements.
    """
    most = model.settings.max_inputs
    first = opening[1] if (opening := _OPENING.match(raw)) else b""
    if first == b'"':
        return Embedding(_texts(raw, most), (), parameters)
    if first == b"[":
        arrays = _arrays(raw, most)
    elif first.isdigit() or first == b"-":
        arrays = {"input": _array(raw)}
    else:
        return Embedding([_text(raw)], (), parameters)
    if model.tokenizer is None:
        return Embedding((), [*arrays.values()], parameters)
    texts = [_decoded(tokens, param, model.tokenizer) for param, tokens in arrays.items()]
    return Embedding(texts, (), parameters)


def _text(raw: Raw) -> str:
    given: str | _Items = decode_field(raw, str | _Items, "input")
    if not isinstance(given, str):  # read_input passes no list but the empty one
        raise empty_array("input")
    if not given:
        raise _empty_text("input")
    return given


def _texts(raw: Raw, most: int) -> list[str]:
    # Quotes can also occur within texts, so their number only shows when an exact count is needed.
    if bytes(raw).count(b'"') > 2 * most and len([*islice(_TEXT.finditer(raw), most + 1)]) > most:
        raise _too_many(most)
    texts: list[str] = decode_field(raw, list[str], "input")
    if not all(texts):
        raise _empty_text(f"input[{texts.index('')}]")
    return texts


def _arrays(raw: Raw, most: int) -> dict[str, list[int]]:
    """Several arrays, each by its path for errors."""
    if bytes(raw).count(b"[") > most + 1:
        raise _too_many(most)
    _check_total(raw)
    given: list[list[int]] = decode_field(raw, list[list[int]], "input")
    arrays = {f"input[{index}]": array for index, array in enumerate(given)}
    for param, array in arrays.items():
        _check_tokens(array, param)
    return arrays


def _array(raw: Raw) -> list[int]:
    _check_total(raw)
    array: list[int] = decode_field(raw, list[int], "input")
    _check_tokens(array, "input")
    return array


def _check_total(raw: Raw) -> None:
    total = bytes(raw).count(b",") + 1
    if total > _MOST_TOKENS:
        message = f"Requested {total} tokens, max {_MOST_TOKENS} tokens per request."
        raise ClientError(message, param="input", code="max_tokens_per_request")


def _check_tokens(array: list[int], param: str) -> None:
    if not array:
        raise empty_array(param)
    if min(array) < _LEAST or max(array) > _MOST:
        odd = next(index for index, token in enumerate(array) if not _LEAST <= token <= _MOST)
        message = f"Invalid '{param}[{odd}]': a token is an integer of 64 bits."
        raise ClientError(message, param=f"{param}[{odd}]", code="invalid_value")


def _decoded(tokens: list[int], param: str, tokenizer: Tokenizer) -> str:
    if not tokenizer.ids.issuperset(tokens):
        at = next(index for index, token in enumerate(tokens) if token not in tokenizer.ids)
        raise ClientError(
            f"Invalid '{param}[{at}]': {tokens[at]} is not a token of the tokenizer that this "
            "model's input is decoded with. Send text instead.",
            param=f"{param}[{at}]",
            code="invalid_value",
        )
    text = tokenizer.decode(tokens)
    if not text:  # special tokens alone
        raise _empty_text(param)
    return text


def _empty_text(param: str) -> ClientError:
    return ClientError(f"Invalid '{param}': input cannot be an empty string.", param=param)


def _too_many(most: int) -> ClientError:
    return ClientError(
        f"Invalid 'input': array too long. Expected an array with maximum length {most}.",
        param="input",
        code="array_above_max_length",
    )
