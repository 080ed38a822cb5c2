"""What can be set about a process: the one model behind flags, environment, file and documentation.

A setting's name is its key in the file, with dashes its flag, and in capitals after
``OIP_TRANSLATOR_`` its environment variable. :mod:`translator.serving.sources` reads them.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from translator.endpoints.model_settings import Models, ModelSettings
from translator.exchange.settings import ExchangeSettings, Limits
from translator.serving.values import Address, Seconds, Size

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

EVERY_MODEL = "*"
"""The key of ``models`` that stands for every model without settings of its own."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one serving process. What each says is what its documentation says."""

    listen: Annotated[Address, Meta(description="where Envoy reaches this process")] = Address(
        "127.0.0.1:50051"
    )
    grace: Annotated[Seconds, Meta(description="how long open streams may go on after SIGTERM")] = (
        Seconds(30)
    )
    log_level: Annotated[LogLevel, Meta(description="what is logged to standard error")] = "INFO"
    max_request_body: Annotated[
        Size, Meta(description="the largest body of a request that is translated")
    ] = Size(Limits().request_body)
    max_response_body: Annotated[
        Size, Meta(description="the largest body of an answer, and event of a stream")
    ] = Size(Limits().response_body)
    sticky_routes: Annotated[
        bool,
        Meta(
            description="let clients see and send x-seldon-route, for sticky experiments in a "
            "Seldon mesh"
        ),
    ] = False
    models: Annotated[
        dict[str, ModelSettings],
        Meta(
            description=f"what differs from model to model, by name; `{EVERY_MODEL}` for all others"
        ),
    ] = {}

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
            sticky_routes=self.sticky_routes,
        )


FIXED = frozenset({"listen", "grace"})
"""What takes a new process to change; everything else is taken over when the file changes."""
