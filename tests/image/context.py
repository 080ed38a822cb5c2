"""What a build may see of a folder: all but what .dockerignore leaves out."""

import re
from collections.abc import Iterator
from pathlib import Path


class Context:
    """The folder with the Dockerfile.

    Args:
        folder: with a .dockerignore in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        lines = (folder / ".dockerignore").read_text().splitlines()
        patterns = [line.strip() for line in lines if line.strip() and line[0] != "#"]
        self._rules = [
            (_regex(pattern.removeprefix("!")), pattern[0] == "!") for pattern in patterns
        ]

    def sees(self, path: str) -> bool:
        """Whether a file is there for the build. Of all rules that fit, the last counts."""
        parents = [str(parent) for parent in Path(path).parents][:-1]
        seen = True
        for regex, includes in self._rules:
            if any(regex.fullmatch(part) for part in (path, *parents)):
                seen = includes
        return seen

    def files(self, source: str) -> Iterator[str]:
        """The files that there are of a file or folder, relative to the context's folder."""
        start = self.folder / source
        for path in [start] if start.is_file() else sorted(start.rglob("*")):
            name = str(path.relative_to(self.folder))
            if path.is_file() and self.sees(name):
                yield name


def _regex(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*)", pattern)
    meant = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(meant.get(part, re.escape(part)) for part in parts))
