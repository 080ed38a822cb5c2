"""The kinds of values that settings have beyond JSON's own: sizes, times, addresses.

Each is written as text or as a plain number, and says in ``allowed`` how.
"""

import re
from typing import ClassVar, Self

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_LAST_PORT = 65535


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
        return f"{float(self):g}"


class Address(str):
    """Where to listen."""

    __slots__ = ()
    allowed: ClassVar[str] = "HOST:PORT or unix:/path/to.sock"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read it. Raises ValueError."""
        text = str(value)
        host, colon, port = text.rpartition(":")
        named = bool(colon and host and port.isdecimal()) and int(port) <= _LAST_PORT
        if not (named or text.startswith("unix:/")):
            raise ValueError(cls.allowed)
        return cls(text)


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
