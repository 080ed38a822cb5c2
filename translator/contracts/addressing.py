"""The name of a model in a path of the model server and in the headers of a Seldon mesh."""

import re
from functools import lru_cache
from urllib.parse import quote

_NOT_A_WORD = re.compile(r"[^\w-]", re.ASCII)
PIPELINE, EXPERIMENT = ".pipeline", ".experiment"
"""The suffixes of the names of pipelines and experiments in a Seldon mesh."""


def path(model: str, verb: str, version: str | None = None, *, seldon_mesh: bool = False) -> str:
    """The path of a model server.

    Args:
        model: the model's name, which may have any characters.
        verb: the end of the path, such as ``infer``.
        version: the model's version, or None if the URL has none.
        seldon_mesh: whether the path leads through a Seldon mesh. The mesh finds the model by a
            header, its agents fail for names with characters other than letters, digits, ``_`` and
            ``-``, and its pipelines have no versions.
    """
    if seldon_mesh:
        return f"/v2/models/{_word(model)}/{verb}"
    of_version = f"/versions/{_quote(version)}" if version else ""
    return f"/v2/models/{_quote(model)}{of_version}/{verb}"


def mesh_name(model: str, suffix: str) -> str:
    """The name that a Seldon mesh routes by: with ``suffix``, unless it already has a suffix."""
    return model if model.endswith((PIPELINE, EXPERIMENT)) else model + suffix


@lru_cache(maxsize=1024)
def _quote(name: str) -> str:
    return quote(name, safe="")


@lru_cache(maxsize=1024)
def _word(name: str) -> str:
    return _NOT_A_WORD.sub("_", name)
