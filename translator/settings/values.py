"""The kinds of values that settings have beyond JSON's own: sizes, times, addresses.

Each is written as text or as a plain number, and says in ``allowed`` how.
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
        """Read it. Raises ValueError."""
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
    """A length of time."""

    allowed: ClassVar[str] = "a number of seconds such as 30 or 0.5"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read it. Raises ValueError."""
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
        """Read it. Raises ValueError."""
        host, _, port = str(value).rpartition(":")
        if not (host and port.isdecimal() and int(port) <= _LAST_PORT) or host == "unix":
            raise ValueError(cls.allowed)
        return cls(value)


class Address(str):
    """Where to listen."""

    __slots__ = ()
    allowed: ClassVar[str] = f"{Port.allowed} or unix:/path/to.sock"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read it. Raises ValueError."""
        text = str(value)
        if text.startswith("unix:/"):
            return cls(text)
        try:
            return cls(Port.parse(text))
        except ValueError as error:
            raise ValueError(cls.allowed) from error

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it: a unix socket, or a loopback address."""
        if self.startswith("unix:"):
            return True
        host = self.rpartition(":")[0].strip("[]")
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def of(self, worker: int) -> str:
        """Where one of several workers listens, from 0 on: each a port further, or in its own file.

        In the path of a unix socket ``{worker}`` becomes the worker's number.
        """
        if self.startswith("unix:"):
            return self.replace(_WORKER, str(worker))
        host, _, port = self.rpartition(":")
        return f"{host}:{int(port) + worker}"

    def require(self, workers: int) -> None:
        """Make sure that so many workers can listen, each on its own.

        Raises:
            ValueError: they cannot; the message says what is allowed.
        """
        if self.startswith("unix:"):
            if _WORKER not in self:
                msg = f"a path with {_WORKER} for the worker's number: unix:/run/{_WORKER}.sock"
                raise ValueError(msg)
            return
        last = _LAST_PORT + 1 - workers
        if not 1 <= int(self.rpartition(":")[2]) <= last:
            msg = f"a port from 1 to {last}, as each worker listens one port further"
            raise ValueError(msg)


class Mode(int):
    """Who may do what with a file, as bits."""

    allowed: ClassVar[str] = "three octal digits such as 660"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read it. Raises ValueError."""
        if re.fullmatch(r"0?o?[0-7]{3}", str(value)) is None:
            raise ValueError(cls.allowed)
        return cls(int(str(value).removeprefix("0o"), 8))

    def __str__(self) -> str:
        return f"{int(self):03o}"


class Owner(str):
    """Whose a file is."""

    __slots__ = ()
    allowed: ClassVar[str] = "USER, USER:GROUP or :GROUP, by name or number"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read it; empty stands for nobody in particular. Raises ValueError."""
        text = str(value)
        if isinstance(value, bool) or not re.fullmatch(r"([^:\s\0]+)?(:[^:\s\0]+)?", text):
            raise ValueError(cls.allowed)
        return cls(text)


class Workers(int):
    """How many processes serve. 0 is ``auto``: one for each core that may be used."""

    allowed: ClassVar[str] = f"a number from 1 to {_MOST_WORKERS}, or auto"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read it. Raises ValueError."""
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
