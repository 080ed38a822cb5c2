"""Finds the operation of a request line, or plain OIP.

The path of an OpenAI client is the path of its SDK's base URL, followed by an operation:

==================================================  ================================================
base path                                           the model
==================================================  ================================================
one of the setting ``base_paths``, as ``/v1``       in the body
``/openai/deployments/<m>``                         in the URL; the body's is ignored, as Azure does
``/v2/models/<m>[/versions/<v>]/infer``             in the URL; the body must name the same
``/v2/models/<m>[/versions/<v>]/infer_stream``      the same; the field ``stream`` decides
``/v2/pipelines/<p>/infer``                         the same: a pipeline of a Seldon mesh
==================================================  ================================================

A trailing slash is accepted. Plain OIP bypasses the filter; all other paths get 404.
"""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from translator.errors import ClientError
from translator.operations.base import Operation
from translator.operations.registry import OPERATIONS

BASE_PATHS = frozenset({"/v1"})
"""The base paths that are served by default; the root is ``""``."""

# A segment that stays one for a server that decodes it: no "%2F", "%5C" or "%25". Of the other
# percent-encoded characters, those that names have: Envoy limits the size of a regular expression.
_NAME = "([!-$&-.0-:<-~]|%([346-9A-Fa-f][0-9A-Fa-f]|20))+"
_VERSION = "(/versions/[0-9A-Za-z_.-]+)?"
PLAIN_OIP = (
    "/v2(/health/(live|ready))?/?",
    f"/v2/(models|pipelines)/{_NAME}{_VERSION}(/(ready|(infer|generate)(_stream)?))?/?",
)
PLAIN_GRPC = (
    "/inference[.]GRPCInferenceService/"
    "(Server(Live|Ready|Metadata)|Model(Ready|Metadata|Infer|StreamInfer))"
)
"""The paths of plain OIP that clients need, as regular expressions (RE2) of whole paths.

Health, metadata and inference, but nothing that controls the model server. Envoy's routes have
them too, and let them pass without the filter.
"""

_PLAIN = re.compile("|".join((*PLAIN_OIP, PLAIN_GRPC)))
_AZURE = re.compile("/openai/deployments/(?P<model>[^/]+)")
_PER_MODEL = re.compile(
    "/v2/(?P<kind>models|pipelines)/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?"
    "/infer(?:_stream)?"
)

# "." and ".." would change the path of the upstream request. Bytes that were not UTF-8 cannot be
# percent-encoded, and longer values would fill the cache of encoded names.
_IMPOSSIBLE_VERSION = re.compile(r"^\.{1,2}$|[\ud800-\udfff]|^.{513}", re.DOTALL)


class MethodError(ClientError):
    """The operation does not have this method (405).

    Attributes:
        operation: the operation of the path.
    """

    def __init__(self, operation: Operation, method: str, path: str) -> None:
        super().__init__(
            f"Not allowed to {method} on {path} "
            f"(HINT: Perhaps you meant to use {' or '.join(operation.methods)})",
            status=405,
            code="method_not_supported",
        )
        self.operation = operation


class Route(NamedTuple):
    """A parsed request line: the operation, and the model that the URL names.

    Attributes:
        operation: the requested operation.
        model: the model in the URL, or None.
        version: the version in the URL, or None.
        is_pipeline: whether the URL is that of a pipeline.
        url_decides: the model is the URL's, whatever the body says.
    """

    operation: Operation
    model: str | None = None
    version: str | None = None
    is_pipeline: bool = False
    url_decides: bool = False


def find(method: str, path: str, base_paths: frozenset[str] = BASE_PATHS) -> Route | None:
    """Find the operation of a request line, or None for plain OIP.

    Args:
        method: the HTTP method.
        path: ``:path`` as Envoy sends it, possibly with a query.
        base_paths: the base paths without a model.

    Raises:
        ClientError: 404 for a path that is not served, or MethodError.
    """
    return _find(method, path.partition("?")[0].rstrip("/"), base_paths)


@lru_cache(maxsize=256)  # Envoy's limit on headers, 60 KiB, bounds each
def _find(method: str, path: str, base_paths: frozenset[str]) -> Route | None:
    if _PLAIN.fullmatch(path):
        return None
    names = [name for name in OPERATIONS if path.endswith(f"/{name}")]
    name = max(names, key=len, default="")
    route = _route(OPERATIONS[name], path.removesuffix(f"/{name}"), base_paths) if name else None
    if route is None:
        message = f"Invalid URL ({method} {path or '/'})"
        raise ClientError(message, status=404, code="unknown_url")
    if method not in route.operation.methods:
        raise MethodError(route.operation, method, path)
    return route


def _route(operation: Operation, base: str, base_paths: frozenset[str]) -> Route | None:
    if base in base_paths:
        return Route(operation)
    if match := _AZURE.fullmatch(base):
        return Route(operation, unquote(match["model"]), url_decides=True)
    if match := _PER_MODEL.fullmatch(base):
        version = unquote(match["version"] or "")
        if not _IMPOSSIBLE_VERSION.search(version):
            is_pipeline = match["kind"] == "pipelines"
            return Route(operation, unquote(match["model"]), version or None, is_pipeline)
    return None
