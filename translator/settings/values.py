"""Types of settings beyond JSON's own: sizes, times, addresses.

Each is written as text or as a number; ``allowed`` describes the format.
"""

import re
from ipaddress import ip_address
from typing import ClassVar, Self

from translator.settings.cores import usable_cores

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_LAST_PORT = 65535
_WORKER = "{worker}"
_MOST_WORKERS = 64


class Size(int):
    """A number of bytes."""

    allowed: ClassVar[str] = "a number of bytes such as 1048576, 512K or 64M"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Parse a value. Raises ValueError."""
        match = re.fullmatch(r"(\d{1,15})([kmg]?)(?:i?b)?", str(value).strip().lower())
        if match is None or isinstance(value, bool):
            raise ValueError(cls.allowed)
        return cls(int(match[1]) * _UNITS[match[2]])

    def __str__(self) -> str:
        for unit, factor in reversed(_UNITS.items()):
            if self and not self % factor:
                return f"{self // factor}{unit.upper()}"
        return "0"


class Seconds(float):
    """A duration."""

    allowed: ClassVar[str] = "a number of seconds such as 30 or 0.5"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Parse a value. Raises ValueError."""
        match = re.fullmatch(r"(\d{1,9}(?:\.\d*)?)s?", str(value).strip())
        if match is None or isinstance(value, bool):
            raise ValueError(cls.allowed)
        return cls(match[1])

    def __str__(self) -> str:
        return f"{float(self):.15g}"


class Port(str):
    """A TCP port to listen on."""

    __slots__ = ()
    allowed: ClassVar[str] = "HOST:PORT"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Parse a value. Raises ValueError."""
        host, _, port = str(value).rpartition(":")
        if not (host and port.isdecimal() and int(port) <= _LAST_PORT) or host == "unix":
            raise ValueError(cls.allowed)
        return cls(value)


class Address(str):
    """An address to listen on."""

    __slots__ = ()
    allowed: ClassVar[str] = f"{Port.allowed} or unix:/path/to.sock"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Parse a value. Raises ValueError."""
        text = str(value)
        if text.startswith("unix:/"):
            return cls(text)
        try:
            return cls(Port.parse(text))
        except ValueError as error:
            raise ValueError(cls.allowed) from error

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it: a unix socket, or a loopback address."""
        if self.startswith("unix:"):
            return True
        host = self.rpartition(":")[0].strip("[]")
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def of(self, worker: int) -> str:
        """The address of one of several workers, numbered from 0.

        The port is increased by the number; in a socket path the number replaces ``{worker}``.
        """
        if self.startswith("unix:"):
            return self.replace(_WORKER, str(worker))
        host, _, port = self.rpartition(":")
        return f"{host}:{int(port) + worker}"

    def require(self, workers: int) -> None:
        """Check that each of ``workers`` has its own address.

        Raises:
            ValueError: they do not; the message says what is allowed.
        """
        if self.startswith("unix:"):
            if _WORKER not in self:
                msg = f"a path with {_WORKER} for the worker's number: unix:/run/{_WORKER}.sock"
                raise ValueError(msg)
            return
        last = _LAST_PORT + 1 - workers
        if not 1 <= int(self.rpartition(":")[2]) <= last:
            msg = f"a port from 1 to {last}, because each further worker uses the next port"
            raise ValueError(msg)


class BasePath(str):
    """The path of a client's base URL. The root is ``/``."""

    __slots__ = ()
    allowed: ClassVar[str] = "paths such as /v1, /openai/v1, or / for none"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Parse a value. Raises ValueError."""
        text = str(value)
        if re.fullmatch(r"/|(/[A-Za-z0-9_.~-]+)+/?", text) is None:
            raise ValueError(cls.allowed)
        return cls(text.rstrip("/") or "/")


class Mode(int):
    """The mode of a file."""

    allowed: ClassVar[str] = "three octal digits such as 660"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Parse a value. Raises ValueError."""
        if re.fullmatch(r"0?o?[0-7]{3}", str(value)) is None:
            raise ValueError(cls.allowed)
        return cls(int(str(value).removeprefix("0o"), 8))

    def __str__(self) -> str:
        return f"{int(self):03o}"


class Owner(str):
    """The owner of a file."""

    __slots__ = ()
    allowed: ClassVar[str] = "USER, USER:GROUP or :GROUP, by name or number"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Parse a value; an empty one means no particular owner. Raises ValueError."""
        text = str(value)
        if isinstance(value, bool) or not re.fullmatch(r"([^:\s\0]+)?(:[^:\s\0]+)?", text):
            raise ValueError(cls.allowed)
        return cls(text)


class Workers(int):
    """The number of worker processes. 0 is ``auto``: one for each usable core."""

    allowed: ClassVar[str] = f"a number from 1 to {_MOST_WORKERS}, or auto"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Parse a value. Raises ValueError."""
        text = str(value).strip()
        if text == "auto":
            return cls(0)
        if re.fullmatch(r"\d{1,2}", text) is None or not 1 <= int(text) <= _MOST_WORKERS:
            raise ValueError(cls.allowed)
        return cls(text)

    @property
    def count(self) -> int:
        """The number of processes."""
        return int(self) or min(usable_cores(), _MOST_WORKERS)

    def __str__(self) -> str:
        return f"{int(self)}" if self else "auto"
