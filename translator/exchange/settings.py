"""The settings of an exchange."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from translator.contracts.models import Models
from translator.exchange.routes import BASE_PATHS

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The size limits of one exchange.

    The default size is Triton's own limit on a request (``--http-max-input-size``), and what the
    configuration in envoy/ lets Envoy buffer.

    Attributes:
        request_body: bytes.
        response_body: bytes.
        event: bytes, of one event of a streamed response.
    """

    request_body: int = 64 * MIB
    response_body: int = 64 * MIB
    event: int = 64 * MIB


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """The settings that all exchanges use.

    Attributes:
        limits: the size limits.
        models: the settings by model.
        kept_headers: headers of requests that are forwarded although they are removed by default.
        passed_headers: headers of responses that pass to clients besides those of the list.
        default_model: the model for requests that name none, by operation.
        base_paths: what comes before an operation in a URL that names no model.
    """

    limits: Limits = field(default_factory=Limits)
    models: Models = field(default_factory=Models)
    kept_headers: frozenset[str] = frozenset()
    passed_headers: frozenset[str] = frozenset()
    default_model: Mapping[str, str] = field(default_factory=dict)
    base_paths: frozenset[str] = BASE_PATHS


DEFAULTS = ExchangeSettings()
"""The default settings."""
