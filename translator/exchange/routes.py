"""Finds the operation of a request line: the URL forms of OpenAI clients.

==========================================================  =============================
``/v1/<operation>``                                          the model is in the body
``/v2/models/<m>[/versions/<v>]/infer/<operation>``          a client's base URL per model
``/v2/models/<m>[/versions/<v>]/infer_stream/<operation>``   the same; ``stream`` decides
``/v2/pipelines/<p>/infer/<operation>``                      one per pipeline of a Seldon mesh
==========================================================  =============================

A trailing slash is fine. Anything else is not OpenAI's and is left alone.
"""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from translator.errors import ClientError
from translator.operations.base import Operation
from translator.operations.registry import OPERATIONS

_GLOBAL = re.compile(r"/v1(?:/(?P<operation>.+))?")
_PER_MODEL = re.compile(
    r"/v2/(?P<kind>models|pipelines)/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?"
    r"/infer(?:_stream)?/(?P<operation>.+)"
)

# "." and ".." would be taken for steps of the path that upstream gets. Bytes that were not UTF-8
# cannot be quoted, and what is longer is no version, but would be kept with what has been quoted.
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
        model: None if the URL names none.
        version: likewise.
        is_pipeline: whether the URL is that of a pipeline.
    """

    operation: Operation
    model: str | None = None
    version: str | None = None
    is_pipeline: bool = False


def find(method: str, path: str) -> Route | None:
    """Find the operation of a request line, or None when the path is not one of OpenAI's.

    Args:
        method: the HTTP method.
        path: ``:path`` as Envoy sends it, possibly with a query.

    Raises:
        ClientError: 404 for an operation that is not served, or MethodError.
    """
    return _find(method, path.partition("?")[0].rstrip("/"))


@lru_cache(maxsize=256)  # Envoy's limit on headers, 60 KiB, bounds each
def _find(method: str, path: str) -> Route | None:
    match = _GLOBAL.fullmatch(path) or _PER_MODEL.fullmatch(path)
    if match is None:
        return None
    operation = OPERATIONS.get(match["operation"] or "")
    parts = match.groupdict()
    version = unquote(parts.get("version") or "")
    if operation is None or _IMPOSSIBLE_VERSION.search(version):
        raise ClientError(f"Invalid URL ({method} {path})", status=404, code="unknown_url")
    if method not in operation.methods:
        raise MethodError(operation, method, path)
    model = parts.get("model")
    return Route(
        operation,
        None if model is None else unquote(model),
        version or None,
        is_pipeline=parts.get("kind") == "pipelines",
    )
