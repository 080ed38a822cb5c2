"""The routes in a dump of Envoy's configuration: which of them a request may take.

Source: Envoy's API, v3: config.route.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from translator.extproc.metadata import NAMESPACE

Json = dict[str, Any]
_REMOVED = "request_headers_to_remove"


def dig(document: Any, *keys: str, default: Any = None) -> Any:
    """The value at a path of keys; ``default`` if a key is absent, null or not of an object."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return default if document is None else document


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes of one virtual host, for requests of clients.

    Attributes:
        config: the RouteConfiguration.
        host: one of its virtual hosts.
        name: the name of the filter.
        on: whether the filter is enabled where no route, host or configuration says so.
    """

    config: Json
    host: Json
    name: str
    on: bool

    def taken(self, path: str) -> Iterator[tuple[Json, Json | None]]:
        """The routes that a request may take, each with its settings of the filter if it is on."""
        for route in matching(self.host, path, translated=False):
            levels = [_per_route(level, self.name) for level in (route, self.host, self.config)]
            own = next((level for level in levels if level is not None), None)
            enabled = self.on if own is None else not _disabled(own)
            yield route, (own or {}) if enabled else None
            if not is_conditional(route):
                return

    def removed(self, route: Json) -> set[str]:
        """The request headers that are removed on a route."""
        levels = (route, self.host, self.config)
        return {name.lower() for level in levels for name in dig(level, _REMOVED, default=[])}


def _per_route(level: Json, name: str) -> Json | None:
    found: Json | None = dig(level, "typed_per_filter_config", name)
    return found


def _disabled(per_route: Json) -> bool:
    """By ExtProcPerRoute, or by the FilterConfig around it."""
    return bool(per_route.get("disabled") or dig(per_route, "config", "disabled"))


def matching(host: Json, path: str, *, translated: bool) -> Iterator[Json]:
    """The routes that a path may match: of a client's request, or of a translated one."""
    for route in host.get("routes", []):
        match = route.get("match", {})
        needed = {dig(each, "filter") for each in match.get("dynamic_metadata", [])}
        there = {NAMESPACE} if translated else set()
        if "grpc" not in match and _matches(match, path) and needed <= there:
            yield route


def _matches(match: Json, path: str) -> bool:
    if "prefix" in match:
        return path.startswith(match["prefix"])
    if "path_separated_prefix" in match:
        return f"{path}/".startswith(f"{match['path_separated_prefix']}/")
    if "safe_regex" in match:
        try:
            return re.fullmatch(dig(match, "safe_regex", "regex", default=""), path) is not None
        except re.error:  # RE2 has syntax that Python lacks
            return False
    return match.get("path") == path


def is_conditional(route: Json) -> bool:
    """Whether the route depends on more than the path and the method POST."""
    match = route.get("match", {})
    headers = [each for each in match.get("headers", []) if each.get("name") != ":method"]
    return bool(headers or match.get("query_parameters") or match.get("runtime_fraction"))


def clusters_of(route: Json | None) -> Iterator[str]:
    """The names of the clusters that a route leads to."""
    action = dig(route, "route", default={})
    weights = dig(action, "weighted_clusters", "clusters", default=[])
    for name in (action.get("cluster"), *(dig(weight, "name") for weight in weights)):
        if name:
            yield name
