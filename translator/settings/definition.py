"""The settings of a process: one model for flags, environment, file and documentation.

The setting ``max_event`` is the key ``max_event`` in the file, the flag ``--max-event`` and the
variable ``OIP_TRANSLATOR_MAX_EVENT``. :mod:`translator.settings.sources` reads them.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from translator.contracts.models import Models
from translator.contracts.settings import ModelSettings
from translator.exchange.headers import SELDON_ROUTE, Credential, ResponseHeader
from translator.exchange.routes import BASE_PATHS
from translator.exchange.settings import ExchangeSettings, Limits
from translator.operations.registry import OPERATIONS
from translator.settings.values import (
    Address,
    BasePath,
    Mode,
    Owner,
    Port,
    Seconds,
    Size,
    Workers,
)

if TYPE_CHECKING:
    from translator.transport.tls import Tls

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

EVERY_MODEL = "*"
"""The key of ``models`` for all models without settings of their own."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one process. Descriptions appear in ``--help`` and docs/configuration.md."""

    listen: Annotated[
        Address, Meta(description="address to listen on for Envoy's gRPC streams")
    ] = Address("127.0.0.1:50051")
    workers: Annotated[
        Workers,
        Meta(
            description="number of worker processes; `auto` starts one per core, by CPU affinity "
            "and cgroup quota. Each worker has its own endpoint, which Envoy's cluster must list: "
            "`listen` with the port incremented for each further worker, or with `{worker}` in a "
            "socket path replaced by the worker's number, from 0"
        ),
    ] = Workers(1)
    admin: Annotated[
        Port | None,
        Meta(description="address of the admin port: health, metrics and settings over HTTP"),
    ] = None
    socket_mode: Annotated[
        Mode, Meta(description="file mode of the unix socket, which decides who may connect")
    ] = Mode(0o660)
    socket_owner: Annotated[
        Owner,
        Meta(
            description="owner of the unix socket, so that an Envoy of another user can connect; "
            "without it, the user and group of this process"
        ),
    ] = Owner()
    transport: Annotated[
        Literal["auto", "grpcio", "h2"],
        Meta(
            description="gRPC implementation: `h2` is faster and plain text only; `grpcio` "
            "supports TLS and reflection; `auto` is h2 on unix sockets and loopback without TLS, "
            "else grpcio"
        ),
    ] = "auto"
    tls_certificate: Annotated[
        str, Meta(description="file with the server certificate, PEM; without it, no TLS")
    ] = ""
    tls_key: Annotated[
        str, Meta(description="file with the private key of the certificate, PEM")
    ] = ""
    tls_client_ca: Annotated[
        str,
        Meta(
            description="file with the CA certificates that Envoy's client certificate must be "
            "signed by, PEM; without it, no client certificate is required"
        ),
    ] = ""
    grace: Annotated[
        Seconds, Meta(description="time that open streams have to finish after SIGTERM")
    ] = Seconds(30)
    log_level: Annotated[
        LogLevel, Meta(description="lowest level that is logged to standard error")
    ] = "INFO"
    log_format: Annotated[
        Literal["text", "json"],
        Meta(description="log format: text lines, or one JSON object per line"),
    ] = "text"
    tracing: Annotated[
        bool,
        Meta(
            description="export a span of each exchange, as OpenTelemetry's OTEL_* variables "
            "configure"
        ),
    ] = False
    max_request_body: Annotated[
        Size, Meta(description="largest request body; a larger one gets 413")
    ] = Size(Limits().request_body)
    max_response_body: Annotated[
        Size, Meta(description="largest response body; for a larger one the client gets 502")
    ] = Size(Limits().response_body)
    max_event: Annotated[Size, Meta(description="largest event of a streamed response")] = Size(
        Limits().event
    )
    max_exchanges: Annotated[
        int,
        Meta(
            ge=1,
            description="most concurrent exchanges per worker; further requests get 503 with "
            "Retry-After",
        ),
    ] = 10_000
    max_exchanges_per_worker: Annotated[
        int,
        Meta(
            ge=0,
            description="exchanges after which a worker is replaced by a new process, when its "
            "open streams have ended; 0 for never. Needs at least two workers, of which one is "
            "replaced at a time. It bounds the memory of grpcio, which grows by about 130 bytes "
            "for each exchange that Envoy resets",
        ),
    ] = 0
    seldon_mesh: Annotated[
        bool,
        Meta(
            description="the model server is a Seldon mesh, which routes by the header "
            "seldon-model. In the path, characters of a model's name other than letters, digits, "
            "`_` and `-` become `_`, and the version is omitted. A name that ends in `.pipeline` "
            "is a pipeline"
        ),
    ] = False
    sticky_routes: Annotated[
        bool,
        Meta(
            description="pass x-seldon-route to and from clients, for sticky experiments in a "
            "Seldon mesh; for a model without an experiment the mesh responds to it with 404"
        ),
    ] = False
    base_paths: Annotated[
        tuple[BasePath, ...],
        Meta(
            description="what comes before an operation in a URL whose body names the model: the "
            "paths of clients' base URLs. The URL forms that name the model are always served"
        ),
    ] = tuple(map(BasePath, sorted(BASE_PATHS)))
    forward_headers: Annotated[
        tuple[Credential, ...],
        Meta(description="client credentials to forward to the model server"),
    ] = ()
    response_headers: Annotated[
        tuple[ResponseHeader, ...],
        Meta(
            description="headers of responses that pass from the model server to clients, besides "
            "those that always do (docs/wire-contract.md)"
        ),
    ] = ()
    default_model: Annotated[
        dict[str, Annotated[str, Meta(min_length=1)]],
        Meta(
            description="the model of requests to /v1 without `model`, which otherwise get 400, by "
            f"operation: {', '.join(OPERATIONS)}"
        ),
    ] = {}
    models: Annotated[
        dict[str, ModelSettings],
        Meta(description=f"settings per model, by model name; `{EVERY_MODEL}` for all others"),
    ] = {}

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other. Raises ValueError."""
        if bool(self.tls_certificate) != bool(self.tls_key):
            msg = "tls_certificate and tls_key must be set together"
            raise ValueError(msg)
        if self.tls_client_ca and not self.tls_certificate:
            msg = "tls_client_ca needs tls_certificate"
            raise ValueError(msg)
        if self.tls_certificate and self.transport == "h2":
            msg = "transport cannot be 'h2' with tls_certificate; allowed: auto or grpcio"
            raise ValueError(msg)
        if self.tracing and not _installed("opentelemetry.sdk"):
            msg = "tracing needs the extra: pip install 'oip-translator[tracing]'"
            raise ValueError(msg)
        for operation in self.default_model:
            if operation not in OPERATIONS:
                known = ", ".join(OPERATIONS)
                msg = f"default_model has no operation {operation!r}; there are {known}"
                raise ValueError(msg)
        if self.workers != 1:
            try:
                self.listen.require(self.workers.count)
            except ValueError as error:
                given = f"listen cannot be '{self.listen}' with workers={self.workers}"
                msg = f"{given}; allowed: {error}"
                raise ValueError(msg) from error

    @property
    def chosen_transport(self) -> Literal["grpcio", "h2"]:
        """The transport that ``transport`` selects."""
        if self.transport != "auto":
            return self.transport
        return "h2" if self.listen.is_local and not self.tls_certificate else "grpcio"

    @property
    def tls(self) -> "Tls | None":
        """The files for TLS, or None without TLS."""
        from translator.transport.tls import Tls  # noqa: PLC0415 -- it brings grpc

        if not self.tls_certificate:
            return None
        ca = Path(self.tls_client_ca) if self.tls_client_ca else None
        return Tls(Path(self.tls_certificate), Path(self.tls_key), ca)

    @property
    def exchange(self) -> ExchangeSettings:
        """The part of the settings that an exchange needs, without loaded tokenizers."""
        by_name = dict(self.models)
        default = by_name.pop(EVERY_MODEL, ModelSettings())
        sticky = (SELDON_ROUTE,) if self.sticky_routes else ()
        return ExchangeSettings(
            Limits(
                request_body=int(self.max_request_body),  # clients see it as a number
                response_body=int(self.max_response_body),
                event=int(self.max_event),
            ),
            Models(default, by_name, self.seldon_mesh),
            frozenset((*self.forward_headers, *sticky)),
            frozenset((*self.response_headers, *sticky)),
            self.default_model,
            frozenset(path.rstrip("/") for path in self.base_paths),
        )


FIXED = frozenset(
    {
        "listen",
        "workers",
        "admin",
        "socket_mode",
        "socket_owner",
        "transport",
        "tls_certificate",
        "tls_key",
        "tls_client_ca",
        "grace",
        "log_format",
        "tracing",
    }
)
"""Settings that need a restart; all others are reloaded when the file changes."""


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False
