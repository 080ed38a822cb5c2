"""What is known of an exchange, as Envoy's dynamic metadata: for access log and rate limits.

Envoy takes it over with every reply, but only into namespaces that the filter's configuration
lists (``metadata_options.receiving_namespaces.untyped``); without that it is dropped.
"""

from functools import lru_cache
from struct import pack

from translator.exchange.record import Record
from translator.extproc._proto.external_processor_pb2 import ProcessingResponse
from translator.extproc.wire import nest, tag

NAMESPACE = "oip_translator"
"""Where Envoy keeps it."""

_NAMES = (
    "operation",
    "model",
    "stream",
    "response_model",
    "input_tokens",
    "output_tokens",
    "error",
)

Known = tuple[str, str, bool | None, str, int | None, int | None, str]
"""The values, one for each name. What is empty or None is not known."""


def of(record: Record) -> Known:
    """What is known of an exchange."""
    return (
        record.operation,
        record.model,
        record.streamed if record.model else None,  # a body that was refused tells neither
        record.response_model,
        record.input_tokens,
        record.output_tokens,
        record.error,
    )


NOTHING = of(Record())
"""Of an exchange that is not ours, or has not begun."""


@lru_cache(maxsize=256)  # what a request says is the same in many
def encode(known: Known) -> bytes:
    """The field ``dynamic_metadata`` of a reply, a google.protobuf.Struct."""
    values = zip(_NAMES, known, strict=True)
    fields = [_entry(name, _value(value)) for name, value in values if value not in ("", None)]
    space = nest(5, *fields)  # Value.struct_value
    field = ProcessingResponse.DYNAMIC_METADATA_FIELD_NUMBER
    return b"".join(nest(field, _entry(NAMESPACE, b"".join(space))))


def _entry(key: str, value: bytes) -> bytes:
    """One of ``Struct.fields``, a map from strings to Values."""
    return b"".join(nest(1, *nest(1, key.encode()), *nest(2, value)))


def _value(value: str | float) -> bytes:
    """A google.protobuf.Value."""
    if isinstance(value, str):
        return b"".join(nest(3, value.encode("utf-8", "replace")))
    if isinstance(value, bool):
        return tag(4, 0) + bytes([value])
    return tag(2, 1) + pack("<d", value)
