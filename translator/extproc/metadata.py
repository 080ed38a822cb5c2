"""The facts of an exchange as Envoy's dynamic metadata, for access log and rate limits.

Envoy accepts it with every reply, but only in namespaces that the filter's configuration lists
(``metadata_options.receiving_namespaces.untyped``).
"""

from functools import lru_cache
from struct import pack

from translator.exchange.record import Record
from translator.extproc._proto.external_processor_pb2 import ProcessingResponse
from translator.extproc.wire import nest, tag

NAMESPACE = "oip_translator"
"""The namespace of the metadata."""

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
"""The values, one for each name. Empty ones and None are unknown."""


def of(record: Record) -> Known:
    """The known facts of an exchange."""
    return (
        record.operation,
        record.model,
        record.streamed if record.model else None,  # unknown if the body was refused
        record.response_model,
        record.input_tokens,
        record.output_tokens,
        record.error,
    )


NOTHING = of(Record())
"""The metadata of an exchange that is bypassed or has not begun."""


@lru_cache(maxsize=256)  # many requests have equal metadata, and many responses without counts
def encode(known: Known, told: Known = NOTHING) -> bytes:
    """The field ``dynamic_metadata`` of a reply, a google.protobuf.Struct.

    Args:
        known: the current values.
        told: the values that Envoy has; it merges new ones into them.
    """
    news = [
        _entry(name, value)
        for name, value, old in zip(_NAMES, known, told, strict=True)
        if value != old and value not in ("", None)
    ]
    space = nest(1, _NAMESPACE_KEY + nest(2, nest(5, b"".join(news))))  # Value.struct_value
    return nest(ProcessingResponse.DYNAMIC_METADATA_FIELD_NUMBER, space)


_NAMESPACE_KEY = nest(1, NAMESPACE.encode())


@lru_cache(maxsize=1024)  # models are few, and the counts of tokens mostly small
def _entry(name: str, value: str | float) -> bytes:
    """One of ``Struct.fields``, a map from strings to Values."""
    return nest(1, nest(1, name.encode()) + nest(2, _value(value)))


def _value(value: str | float) -> bytes:
    """A google.protobuf.Value."""
    if isinstance(value, str):
        return nest(3, value.encode("utf-8", "replace"))
    if isinstance(value, bool):
        return tag(4, 0) + bytes([value])
    return tag(2, 1) + pack("<d", value)
