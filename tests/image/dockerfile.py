"""Reads a Dockerfile: its stages and their instructions.

What ours does not use is refused, so that nothing is passed over in silence.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

_KEYWORDS = frozenset(
    (
        *("ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
        *("RUN", "STOPSIGNAL", "USER", "WORKDIR"),
    )
)


class DockerfileError(ValueError):
    """Not a Dockerfile, or one with more in it than this reads. The message says where."""


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        keyword: in capitals.
        flags: by name, without the dashes.
        text: what follows them, on one line.
    """

    keyword: str
    flags: Mapping[str, str]
    text: str

    @property
    def exec_form(self) -> list[str] | None:
        """The words of a JSON list, or None where a shell would be needed."""
        if not self.text.startswith("["):
            return None
        return [str(word) for word in json.loads(self.text)]

    def pairs(self) -> dict[str, str]:
        """``KEY=value KEY="value"``, as in ENV, LABEL and ARG; an ARG without a value is empty."""
        parts = [word.partition("=") for word in shlex.split(self.text)]
        return {name: value for name, _, value in parts}


@dataclass(frozen=True)
class Stage:
    """What follows one FROM.

    Attributes:
        base: an image, or the name of an earlier stage.
        name: its own, or "".
    """

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, keyword: str) -> list[Instruction]:
        """The instructions with this keyword."""
        return [each for each in self.instructions if each.keyword == keyword]

    def only(self, keyword: str) -> Instruction:
        """The one instruction with this keyword."""
        (found,) = self.all(keyword)
        return found


@dataclass(frozen=True)
class Dockerfile:
    """A whole one.

    Attributes:
        arguments: those before the first FROM, with their defaults.
        stages: in their order; the last is the image.
    """

    arguments: Mapping[str, str]
    stages: list[Stage]


def parse(text: str) -> Dockerfile:
    """Read it. Raises DockerfileError."""
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in _logical_lines(text):
        instruction = _instruction(line)
        if instruction.keyword == "FROM":
            base, name = _from(instruction)
            stages.append(Stage(expand(base, arguments), name))
        elif stages:
            stages[-1].instructions.append(instruction)
        elif instruction.keyword == "ARG":
            arguments |= instruction.pairs()
        else:
            raise DockerfileError(f"{instruction.keyword} before FROM")
    return Dockerfile(arguments, stages)


def expand(text: str, values: Mapping[str, str]) -> str:
    """Put the values of variables in. Raises DockerfileError for one that there is not."""

    def value(match: re.Match[str]) -> str:
        try:
            return values[match[1]]
        except KeyError:
            raise DockerfileError(f"there is no variable {match[1]}") from None

    return re.sub(r"\$\{(\w+)\}", value, text)


def _logical_lines(text: str) -> list[str]:
    """Without comments, and with those that end in a backslash joined to the next."""
    kept = [line for line in text.splitlines() if not re.match(r"\s*(#|$)", line)]
    return re.sub(r"\\\n", "", "\n".join(kept)).splitlines()


def _instruction(line: str) -> Instruction:
    keyword, _, rest = line.strip().partition(" ")
    if keyword not in _KEYWORDS:
        raise DockerfileError(f"{keyword} is not known")
    flags = {}
    while match := re.match(r"\s*--([a-z-]+)=(\S+)", rest):
        flags[match[1]] = match[2]
        rest = rest[match.end() :]
    return Instruction(keyword, flags, rest.strip())


def _from(instruction: Instruction) -> tuple[str, str]:
    words = instruction.text.split()
    if instruction.flags or not (len(words) == 1 or (len(words) == 3 and words[1] == "AS")):
        raise DockerfileError(f"FROM {instruction.text} is not known")
    return words[0], words[-1] if len(words) > 1 else ""
