"""What can be set about a process: the one model behind flags, environment, file and documentation.

A setting's name is its key in the file, with dashes its flag, and in capitals after
``OIP_TRANSLATOR_`` its environment variable. :mod:`translator.serving.sources` reads them.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from translator.endpoints.model_settings import Models, ModelSettings
from translator.exchange.headers import SELDON_ROUTE, Credential
from translator.exchange.settings import ExchangeSettings, Limits
from translator.serving.values import Address, Mode, Seconds, Size
from translator.transport.tls import Tls

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

EVERY_MODEL = "*"
"""The key of ``models`` that stands for every model without settings of its own."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one serving process. What each says is what its documentation says."""

    listen: Annotated[Address, Meta(description="where Envoy reaches this process")] = Address(
        "127.0.0.1:50051"
    )
    admin: Annotated[
        Address | None,
        Meta(description="where operators reach health, metrics and settings over HTTP"),
    ] = None
    socket_mode: Annotated[
        Mode, Meta(description="who may connect to a unix socket, as bits of its file")
    ] = Mode(0o660)
    tls_certificate: Annotated[
        str, Meta(description="the certificate to show to Envoy, PEM; without it, no TLS")
    ] = ""
    tls_key: Annotated[str, Meta(description="its private key, PEM")] = ""
    tls_client_ca: Annotated[
        str, Meta(description="who signs Envoy's certificate, PEM; without it, anyone may connect")
    ] = ""
    grace: Annotated[Seconds, Meta(description="how long open streams may go on after SIGTERM")] = (
        Seconds(30)
    )
    log_level: Annotated[LogLevel, Meta(description="what is logged to standard error")] = "INFO"
    log_format: Annotated[
        Literal["text", "json"],
        Meta(description="how it is logged: lines for people or JSON for machines"),
    ] = "text"
    max_request_body: Annotated[
        Size, Meta(description="the largest body of a request that is translated")
    ] = Size(Limits().request_body)
    max_response_body: Annotated[
        Size, Meta(description="the largest body of an answer, and event of a stream")
    ] = Size(Limits().response_body)
    max_exchanges: Annotated[
        int, Meta(ge=1, description="the most exchanges at once; further ones are told to wait")
    ] = 10_000
    sticky_routes: Annotated[
        bool,
        Meta(
            description="let clients see and send x-seldon-route, for sticky experiments in a "
            "Seldon mesh"
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

    @property
    def tls(self) -> Tls | None:
        """The files of TLS, or None where there is none."""
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
                request_body=self.max_request_body,
                response_body=self.max_response_body,
            ),
            Models(default, by_name),
            frozenset((*self.forward_headers, *([SELDON_ROUTE] if self.sticky_routes else ()))),
        )


FIXED = frozenset(
    {
        "listen",
        "admin",
        "socket_mode",
        "tls_certificate",
        "tls_key",
        "tls_client_ca",
        "grace",
        "log_format",
    }
)
"""What takes a new process to change; everything else is taken over when the file changes."""
