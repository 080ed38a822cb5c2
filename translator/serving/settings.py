"""What can be set about a process."""

from dataclasses import dataclass, field

from translator.exchange.settings import ExchangeSettings


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one serving process.

    Attributes:
        listen: ``host:port`` or ``unix:/path``, where Envoy reaches us.
        exchange: how each exchange is handled.
        grace: seconds that open streams get to finish after SIGTERM.
        log_level: a level of :mod:`logging` by name.
    """

    listen: str = "127.0.0.1:50051"
    exchange: ExchangeSettings = field(default_factory=ExchangeSettings)
    grace: float = 30.0
    log_level: str = "INFO"
