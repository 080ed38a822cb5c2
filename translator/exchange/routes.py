"""Where a request is going: the URL forms of OpenAI clients, and the OIP path behind them.

==========================================================  =============================
``/v1/<operation>``                                          the model is in the body
``/v2/models/<m>[/versions/<v>]/infer/<operation>``          a client's base URL per model
``/v2/models/<m>[/versions/<v>]/infer_stream/<operation>``   the same; ``stream`` decides
``/v2/pipelines/<p>/infer/<operation>``                      one per pipeline of a Seldon mesh
==========================================================  =============================

All are POST, and a trailing slash is fine. Anything else is not OpenAI's and is left alone.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from translator.endpoints import REGISTRY, Endpoint
from translator.errors import ClientError

_GLOBAL = re.compile(r"/v1(?:/(?P<operation>.+))?")
_PER_MODEL = re.compile(
    r"/v2/(?P<kind>models|pipelines)/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?"
    r"/infer(?:_stream)?/(?P<operation>.+)"
)

# "." and ".." would be taken for steps of the path that upstream gets. Bytes that were not UTF-8
# cannot be quoted, and what is longer is no version, but would be kept with what has been quoted.
_IMPOSSIBLE_VERSION = re.compile(r"^\.{1,2}$|[\ud800-\udfff]|^.{513}", re.DOTALL)


@lru_cache(maxsize=1024)
def _quote(name: str) -> str:
    return quote(name, safe="")


_NOT_A_WORD = re.compile(r"[^\w-]", re.ASCII)


@lru_cache(maxsize=1024)
def _word(name: str) -> str:
    return _NOT_A_WORD.sub("_", name)


@dataclass(frozen=True, slots=True)
class Route:
    """A request line understood.

    Attributes:
        endpoint: what is asked for.
        model: None where the URL names none.
        version: likewise.
        pipeline: the URL says that the model is a pipeline.
    """

    endpoint: Endpoint
    model: str | None = None
    version: str | None = None
    pipeline: bool = False

    def upstream_path(self, model: str, *, streamed: bool, seldon_mesh: bool = False) -> str:
        """The OIP path for ``model``. The client's query is dropped: OIP has none.

        Args:
            model: its name, of any characters.
            streamed: the answer is to be events.
            seldon_mesh: the path leads through a Seldon mesh. That finds the model by a header,
                its agents break names that are not words, and its pipelines know no versions.
        """
        verb = "infer_stream" if streamed else "infer"
        if seldon_mesh:
            return f"/v2/models/{_word(model)}/{verb}"
        version = f"/versions/{_quote(self.version)}" if self.version else ""
        return f"/v2/models/{_quote(model)}{version}/{verb}"


def find(method: str, path: str) -> Route | None:
    """Find the endpoint of a request line, or None when the path is not one of OpenAI's.

    Args:
        method: the HTTP method.
        path: ``:path`` as Envoy gives it, with a query perhaps.

    Raises:
        ClientError: 404 for an operation we do not serve, 405 for a method other than POST.
    """
    return _find(method, path.partition("?")[0].rstrip("/"))


@lru_cache(maxsize=256)  # Envoy's limit on headers, 60 KiB, bounds each
def _find(method: str, path: str) -> Route | None:
    match = _GLOBAL.fullmatch(path) or _PER_MODEL.fullmatch(path)
    if match is None:
        return None
    endpoint = REGISTRY.get(match["operation"] or "")
    parts = match.groupdict()
    version = unquote(parts.get("version") or "")
    if endpoint is None or _IMPOSSIBLE_VERSION.search(version):
        raise ClientError(f"Invalid URL ({method} {path})", status=404, code="unknown_url")
    if method != "POST":
        raise ClientError(
            f"Not allowed to {method} on {path} (HINT: Perhaps you meant to use POST)",
            status=405,
            code="method_not_supported",
        )
    model = parts.get("model")
    return Route(
        endpoint,
        None if model is None else unquote(model),
        version or None,
        pipeline=parts.get("kind") == "pipelines",
    )
