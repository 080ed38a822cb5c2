"""The response of a model server: output tensors, or an error in one of many forms.

Decoding is lenient, because servers differ: ``id`` and ``model_name`` may be missing (Triton), data
may be nested or flat, a shape may be ``[n]`` or ``[n, 1]``, BYTES may be base64 (Seldon's pipeline
gateway), and there may be unrequested outputs. Source: Open Inference Protocol,
``inference_response``, and the servers themselves.
"""

import base64
from collections.abc import Iterator, KeysView
from functools import cached_property
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from translator import provider_errors, surrogates
from translator.error_messages import find_message
from translator.errors import UpstreamError, unreadable
from translator.oip import numbers
from translator.raw_json import ABSENT, NULL, is_present
from translator.value_count import MANY, exceeds

T = TypeVar("T")

_decode_strings = msgspec.json.Decoder(list[str]).decode


class OutputTensor(msgspec.Struct):
    """A named output. ``data`` stays JSON text until its elements are needed."""

    name: str
    data: Raw
    shape: list[int] = []
    datatype: str = "BYTES"
    parameters: dict[str, Raw] | None = None

    def strings(self) -> list[str]:
        """The elements of a BYTES tensor as text, in row-major order; null is "".

        Raises:
            UpstreamError: the data is not a list of strings.
        """
        elements = _strings(self.data)
        if self.parameters and _is_packed(self.parameters):
            try:
                return [base64.b64decode(text, validate=True).decode() for text in elements]
            except ValueError:  # not base64, or not of text
                return elements  # the server's own content type, but plain text
        return elements

    def characters(self) -> list[str]:
        """As :meth:`strings`, for a tensor that may have bytes that are not text.

        Triton writes the bytes of an element into its JSON unchanged. If they are not UTF-8, each
        byte is returned as a character up to U+00FF.
        """
        try:
            return self.strings()
        except UpstreamError:
            return _strings(bytes(self.data).decode("latin-1"))

    def rows(self) -> Iterator[bytes]:
        """The rows of a numeric tensor as JSON lists, with the digits that the server wrote.

        The shape is ``[n, d]``, or ``[d]`` for a single row.

        Raises:
            UpstreamError: an element is not a number, or their count differs from the shape.
        """
        try:
            yield from numbers.rows(self.data, self.shape)
        except ValueError as error:
            raise unreadable() from error


class InferenceResponse(msgspec.Struct, dict=True):
    """A whole response, or one event of a stream.

    Attributes:
        marked: whether halves of surrogate pairs are marked in it.
    """

    outputs: list[OutputTensor] = []
    id: str | None = None
    model_name: str | None = None
    parameters: dict[str, Raw] | None = None
    error: Raw = ABSENT
    marked: bool = msgspec.field(default=False, name="")  # no name: it never comes with the JSON

    def strings(self, name: str) -> list[str] | None:
        """The elements of the BYTES output ``name``, or None if there is no such output.

        Raises:
            UpstreamError: the output is not text.
        """
        tensor = self.by_name.get(name)
        return None if tensor is None else tensor.strings()

    def output(self, name: str) -> OutputTensor | None:
        """The output ``name``, or None."""
        return self.by_name.get(name)

    @property
    def names(self) -> KeysView[str]:
        """The names of all outputs."""
        return self.by_name.keys()

    @cached_property
    def by_name(self) -> dict[str, OutputTensor]:
        """The outputs by name; the first if several have the same name."""
        return {tensor.name: tensor for tensor in reversed(self.outputs)}


_decode = msgspec.json.Decoder(InferenceResponse).decode


def decode(body: bytes) -> InferenceResponse:
    """Decode a whole response, or one event of a stream.

    Raises:
        UpstreamError: 502, the body is not an OIP response, it has a BYTES tensor of too many
            elements, or it is ``{"error": ...}`` (servers send errors with status 200 too).
    """
    try:
        try:
            response = _decode(body)
        except msgspec.ValidationError:
            response = _read_loosely(body)
        except msgspec.DecodeError:
            response = _decode(surrogates.mark(body))
            response.marked = True
            response.id = surrogates.clean(response.id or "")
            response.model_name = surrogates.clean(response.model_name or "")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if provider_errors.read(body) is not None:  # in a list, as Google sends it
            raise provider_errors.of_provider(body) from error
        raise unreadable() from error
    if is_present(response.error) or not response.outputs:
        _raise_what_failed(body, failed=is_present(response.error))
    if len(body) > MANY:
        _check_elements(response.outputs)
    return response


def _check_elements(outputs: list[OutputTensor]) -> None:
    for tensor in outputs:
        if tensor.datatype == "BYTES" and exceeds(bytes(tensor.data), MANY):
            raise unreadable()


def _raise_what_failed(body: bytes, *, failed: bool) -> None:
    """Raise the error in a response, if there is one. It may have a form other than OIP's."""
    if provider_errors.read(body) is not None:
        raise provider_errors.of_provider(body)
    said = find_message(body)
    if failed or said:
        default = "The model server failed while it was responding."
        raise provider_errors.of_message(said, default)


def _read_loosely(body: bytes) -> InferenceResponse:
    """Decode a response, ignoring fields of unexpected types.

    Raises:
        msgspec.ValidationError: it is not an object, or ``outputs`` is not a list of objects.
    """
    document = msgspec.json.decode(body, type=dict[str, Raw])
    outputs = document.get("outputs", NULL)
    return InferenceResponse(
        outputs=[
            OutputTensor(
                name,
                data=output.get("data", Raw(b"[]")),
                shape=_field(output, "shape", list[int]) or [],
                datatype=_field(output, "datatype", str) or "BYTES",
                parameters=_field(output, "parameters", dict[str, Raw]),
            )
            for output in msgspec.json.decode(outputs, type=list[dict[str, Raw]] | None) or ()
            if (name := _field(output, "name", str))
        ],
        id=_field(document, "id", str),
        model_name=_field(document, "model_name", str),
        parameters=_field(document, "parameters", dict[str, Raw]),
        error=document.get("error", NULL),
    )


def _field(fields: dict[str, Raw], name: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(fields.get(name, NULL), type=kind)
    except (msgspec.ValidationError, UnicodeDecodeError):
        return None


def _is_packed(parameters: dict[str, Raw]) -> bool:
    """Whether elements are base64, as Seldon's pipeline gateway sends outputs other than "str"."""
    kind = parameters.get("content_type")
    return kind is not None and bytes(kind) not in (b'"str"', b'"datetime"', b"null")


def _strings(data: Raw | str) -> list[str]:
    try:
        try:
            return _decode_strings(data)
        except msgspec.ValidationError:  # nested, or with nulls
            return _flatten(msgspec.json.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable() from error


def _flatten(data: Any) -> list[str]:
    if data is None:
        return [""]
    if isinstance(data, str):
        return [data]
    if isinstance(data, list):
        return [text for item in data for text in _flatten(item)]
    raise unreadable()
