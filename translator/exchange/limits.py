"""What one exchange may cost."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one exchange, in bytes.

    The default is Triton's own limit on a request (``--http-max-input-size``), and what the
    configuration in envoy/ lets Envoy buffer.
    """

    request_body: int = 64 * MIB
    response_body: int = 64 * MIB
