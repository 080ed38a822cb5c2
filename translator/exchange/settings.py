"""What can be set about an exchange."""

from dataclasses import dataclass, field

from translator.contracts.models import Models

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one exchange may cost.

    The default size is Triton's own limit on a request (``--http-max-input-size``), and what the
    configuration in envoy/ lets Envoy buffer.

    Attributes:
        request_body: bytes.
        response_body: bytes.
        event: bytes, of one event of a streamed answer.
    """

    request_body: int = 64 * MIB
    response_body: int = 64 * MIB
    event: int = 64 * MIB


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """How exchanges are handled.

    Attributes:
        limits: the bounds of each.
        models: what differs from model to model.
        kept_headers: of those that are removed otherwise, the ones that pass.
    """

    limits: Limits = field(default_factory=Limits)
    models: Models = field(default_factory=Models)
    kept_headers: frozenset[str] = frozenset()


DEFAULTS = ExchangeSettings()
"""The settings where nothing is set."""
