"""What can be set about a process: the one model behind flags, environment, file and documentation.

A setting's name is its key in the file, with dashes its flag, and in capitals after
``OIP_TRANSLATOR_`` its environment variable. :mod:`translator.settings.sources` reads them.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from translator.contracts.models import Models
from translator.contracts.settings import ModelSettings
from translator.exchange.headers import SELDON_ROUTE, Credential
from translator.exchange.settings import ExchangeSettings, Limits
from translator.settings.values import Address, Mode, Owner, Port, Seconds, Size, Workers

if TYPE_CHECKING:
    from translator.transport.tls import Tls

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

EVERY_MODEL = "*"
"""The key of ``models`` that stands for every model without settings of its own."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one serving process. What each says is what its documentation says."""

    listen: Annotated[Address, Meta(description="where Envoy reaches this process")] = Address(
        "127.0.0.1:50051"
    )
    workers: Annotated[
        Workers,
        Meta(
            description="how many processes serve (`auto`: one for each core, by affinity and "
            "cgroup quota); each has an endpoint of its own that Envoy must know: `listen` with "
            "the port one higher for each, or with the worker's number, from 0, for `{worker}`"
        ),
    ] = Workers(1)
    admin: Annotated[
        Port | None,
        Meta(description="where operators reach health, metrics and settings over HTTP"),
    ] = None
    socket_mode: Annotated[
        Mode, Meta(description="who may connect to a unix socket, as bits of its file")
    ] = Mode(0o660)
    socket_owner: Annotated[
        Owner,
        Meta(
            description="whose a unix socket is, so that an Envoy of another user may connect; "
            "without it, of whoever runs this process"
        ),
    ] = Owner()
    transport: Annotated[
        Literal["auto", "grpcio", "h2"],
        Meta(
            description="what speaks gRPC: `h2`, the lean one for plain text, `grpcio`, which has "
            "TLS and reflection; `auto` is h2 on unix sockets and loopback, grpcio elsewhere and "
            "with TLS"
        ),
    ] = "auto"
    tls_certificate: Annotated[
        str, Meta(description="file of the certificate to show to Envoy, PEM; without it, no TLS")
    ] = ""
    tls_key: Annotated[str, Meta(description="file of its private key, PEM")] = ""
    tls_client_ca: Annotated[
        str,
        Meta(
            description="file of those who sign Envoy's certificate, PEM; without it, anyone may "
            "connect"
        ),
    ] = ""
    grace: Annotated[Seconds, Meta(description="how long open streams may go on after SIGTERM")] = (
        Seconds(30)
    )
    log_level: Annotated[LogLevel, Meta(description="what is logged to standard error")] = "INFO"
    log_format: Annotated[
        Literal["text", "json"],
        Meta(description="how it is logged: lines for people or JSON for machines"),
    ] = "text"
    tracing: Annotated[
        bool,
        Meta(description="send a span of each exchange where OpenTelemetry's variables say"),
    ] = False
    max_request_body: Annotated[
        Size, Meta(description="the largest body of a request that is translated")
    ] = Size(Limits().request_body)
    max_response_body: Annotated[
        Size, Meta(description="the largest body of an answer that is translated")
    ] = Size(Limits().response_body)
    max_event: Annotated[
        Size, Meta(description="the largest event of an answer that is streamed")
    ] = Size(Limits().event)
    max_exchanges: Annotated[
        int,
        Meta(ge=1, description="the most exchanges at once, per worker; more are told to wait"),
    ] = 10_000
    seldon_mesh: Annotated[
        bool,
        Meta(
            description="the model server is a Seldon mesh, which goes by the header seldon-model: "
            "what is no letter, digit, `_` or `-` in a model's name is `_` in the path, a version "
            "is left out, and a name that ends in `.pipeline` is a pipeline's"
        ),
    ] = False
    sticky_routes: Annotated[
        bool,
        Meta(
            description="let clients see and send x-seldon-route, for sticky experiments in a "
            "Seldon mesh, which answers 404 to it where there is no experiment"
        ),
    ] = False
    forward_headers: Annotated[
        tuple[Credential, ...],
        Meta(description="credentials of clients that are sent on to the model server"),
    ] = ()
    models: Annotated[
        dict[str, ModelSettings],
        Meta(
            description=f"what differs from model to model, by name; `{EVERY_MODEL}` for all others"
        ),
    ] = {}

    def __post_init__(self) -> None:
        """Refuse what does not go together. Raises ValueError."""
        if bool(self.tls_certificate) != bool(self.tls_key):
            msg = "tls_certificate and tls_key go together"
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
        if self.workers != 1:
            try:
                self.listen.require(self.workers.count)
            except ValueError as error:
                given = f"listen cannot be '{self.listen}' with workers={self.workers}"
                msg = f"{given}; allowed: {error}"
                raise ValueError(msg) from error

    @property
    def chosen_transport(self) -> Literal["grpcio", "h2"]:
        """What ``transport`` comes to."""
        if self.transport != "auto":
            return self.transport
        return "h2" if self.listen.is_local and not self.tls_certificate else "grpcio"

    @property
    def tls(self) -> "Tls | None":
        """The files of TLS, or None where there is none."""
        from translator.transport.tls import Tls  # noqa: PLC0415 -- it brings grpc

        if not self.tls_certificate:
            return None
        ca = Path(self.tls_client_ca) if self.tls_client_ca else None
        return Tls(Path(self.tls_certificate), Path(self.tls_key), ca)

    @property
    def exchange(self) -> ExchangeSettings:
        """What of it an exchange needs to know."""
        by_name = dict(self.models)
        default = by_name.pop(EVERY_MODEL, ModelSettings())
        return ExchangeSettings(
            Limits(
                request_body=int(self.max_request_body),  # which is shown to clients as a number
                response_body=int(self.max_response_body),
                event=int(self.max_event),
            ),
            Models(default, by_name, self.seldon_mesh),
            frozenset((*self.forward_headers, *([SELDON_ROUTE] if self.sticky_routes else ()))),
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
"""What takes a new process to change; everything else is taken over when the file changes."""


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it is part of
        return False
