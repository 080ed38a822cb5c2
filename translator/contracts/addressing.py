"""Where a model is: its name in a URL, in a path of the model server, and in a Seldon mesh."""

import re
from functools import lru_cache
from urllib.parse import quote

_NOT_A_WORD = re.compile(r"[^\w-]", re.ASCII)
PIPELINE, EXPERIMENT = ".pipeline", ".experiment"
"""What a Seldon mesh appends to the names of what is no model."""


def path(model: str, verb: str, version: str | None = None, *, seldon_mesh: bool = False) -> str:
    """The path of a model server.

    Args:
        model: its name, of any characters.
        verb: what is asked of it.
        version: of the model; None where the URL named none.
        seldon_mesh: the path leads through a Seldon mesh. That finds the model by a header, its
            agents break names that are not words, and its pipelines know no versions.
    """
    if seldon_mesh:
        return f"/v2/models/{_word(model)}/{verb}"
    of_version = f"/versions/{_quote(version)}" if version else ""
    return f"/v2/models/{_quote(model)}{of_version}/{verb}"


def mesh_name(model: str, suffix: str) -> str:
    """What a Seldon mesh routes by: the name with a suffix, unless it says itself what it is."""
    return model if model.endswith((PIPELINE, EXPERIMENT)) else model + suffix


@lru_cache(maxsize=1024)
def _quote(name: str) -> str:
    return quote(name, safe="")


@lru_cache(maxsize=1024)
def _word(name: str) -> str:
    return _NOT_A_WORD.sub("_", name)
