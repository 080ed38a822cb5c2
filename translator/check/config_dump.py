"""Finds in Envoy's ``/config_dump`` the path of an OpenAI request.

The dump is the JSON form of Envoy's messages, without fields that have their default. Source:
Envoy's API, v3: admin, config.listener, config.route, config.cluster, and
extensions.filters.http.ext_proc.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

OPENAI_PATHS = ("/v1/chat/completions", "/v2/models/m/infer/chat/completions")
"""The paths that clients post to, for both forms of a base URL."""

OIP_PATHS = ("/v2/models/m/infer", "/v2/models/m/infer_stream")
"""The translated paths; Envoy selects the route again for them."""

Json = dict[str, Any]
_MANAGER = ".HttpConnectionManager"
_EXT_PROC = ".ExternalProcessor"


def dig(document: Any, *keys: str, default: Any = None) -> Any:
    """The value at a path of keys; ``default`` if a key is absent, null or not of an object."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return default if document is None else document


def seconds(duration: Any) -> float:
    """A duration in protobuf's JSON form, ``0.200s``, in seconds; NaN if it is not one."""
    try:
        return float(str(duration).removesuffix("s"))
    except ValueError:
        return float("nan")


@dataclass(frozen=True, slots=True)
class Gateway:
    """One ext_proc filter and its place in the configuration.

    Attributes:
        listener: the listener of the filter.
        manager: its HTTP connection manager.
        settings: those of the filter, overridden by those of the route ``openai``.
        openai: the route of an OpenAI request that enables the filter, or None.
        models: the routes of translated requests, for infer and infer_stream; None where no route
            is certain to match.
        conditional: whether a route may match them depending on headers that are not known here.
        clusters: all clusters, by name.
    """

    listener: Json
    manager: Json
    settings: Json
    openai: Json | None = None
    models: tuple[Json | None, ...] = ()
    conditional: bool = False
    clusters: dict[str, Json] = field(default_factory=dict)

    @property
    def translator(self) -> Json | None:
        """The cluster of the filter's gRPC service, or None if Envoy has no such cluster."""
        name = dig(self.settings, "grpc_service", "envoy_grpc", "cluster_name", default="")
        return self.clusters.get(name)

    @property
    def upstreams(self) -> list[Json]:
        """The clusters that the routes to the models name."""
        names: dict[str, None] = {}
        for route in self.models:
            names |= dict.fromkeys(_clusters_of(route))
        return [self.clusters[name] for name in names if name in self.clusters]


def find(dump: bytes, port: int | None = None) -> Gateway | None:
    """The filter in a dump; of several, prefer one on ``port``, then one with an OpenAI route.

    Raises:
        msgspec.DecodeError: ``dump`` is not JSON.
    """
    configs = dig(msgspec.json.decode(dump), "configs", default=[])
    clusters = {dig(cluster, "name", default=""): cluster for cluster in _all(configs, "cluster")}
    route_configs = {dig(each, "name"): each for each in _all(configs, "route_config")}
    discovered = {dig(each, "name"): each for each in _all(configs, "ecds_filter")}
    best, best_rank = None, (False, False)
    for listener in _all(configs, "listener"):
        here = dig(listener, "address", "socket_address", "port_value") == port
        for manager in _managers(listener):
            routes = manager.get("route_config") or route_configs.get(
                dig(manager, "rds", "route_config_name"), {}
            )
            for http_filter in manager.get("http_filters", []):
                name = http_filter.get("name", "")
                settings = http_filter.get("typed_config") or dig(
                    discovered.get(name), "typed_config"
                )
                if not dig(settings, "@type", default="").endswith(_EXT_PROC):
                    continue
                found = _found(routes, name, on=not http_filter.get("disabled", False))
                rank = (here, "openai" in found)
                if best is None or rank > best_rank:
                    settings = {**settings, **found.pop("overrides", {})}
                    best = Gateway(listener, manager, settings, clusters=clusters, **found)
                    best_rank = rank
    return best


def _all(configs: list[Any], kind: str) -> Iterator[Json]:
    """Every listener, cluster or the like in the dump, static or dynamic."""
    for config in configs:
        for items in config.values() if isinstance(config, dict) else ():
            for item in items if isinstance(items, list) else ():
                found = dig(item, kind) or dig(item, "active_state", kind)
                if isinstance(found, dict):
                    yield found


def _managers(listener: Json) -> Iterator[Json]:
    chains = [*listener.get("filter_chains", []), listener.get("default_filter_chain")]
    for chain in chains:
        for network_filter in dig(chain, "filters", default=[]):
            manager = dig(network_filter, "typed_config", default={})
            if dig(manager, "@type", default="").endswith(_MANAGER):
                yield manager


def _found(route_config: Json, name: str, *, on: bool) -> Json:
    """The members of a Gateway that come from routes, and ``overrides`` of the settings."""
    for host in route_config.get("virtual_hosts", []):
        for path in OPENAI_PATHS:
            for route in _matching(host, path):
                levels = [_per_route(level, name) for level in (route, host, route_config)]
                own = next((level for level in levels if level is not None), None)
                enabled = on if own is None else not _disabled(own)
                if enabled:
                    models, conditional = _models(host)
                    overrides = dig(own, "overrides") or dig(own, "config", "overrides", default={})
                    return {
                        "openai": route,
                        "models": models,
                        "conditional": conditional,
                        "overrides": overrides,
                    }
                if not _conditions(route):
                    break  # the request takes this route, without the filter
    return {}


def _models(host: Json) -> tuple[tuple[Json | None, ...], bool]:
    chosen: list[Json | None] = []
    conditional = False
    for path in OIP_PATHS:
        routes = list(_matching(host, path))
        sure = [route for route in routes if not _conditions(route)]
        conditional = conditional or (bool(routes) and not sure)
        chosen.append(sure[0] if sure else None)
    return tuple(chosen), conditional


def _per_route(level: Json, name: str) -> Json | None:
    found: Json | None = dig(level, "typed_per_filter_config", name)
    return found


def _disabled(per_route: Json) -> bool:
    """By ExtProcPerRoute, or by the FilterConfig around it."""
    return bool(per_route.get("disabled") or dig(per_route, "config", "disabled"))


def _matching(host: Json, path: str) -> Iterator[Json]:
    for route in host.get("routes", []):
        match = route.get("match", {})
        if "grpc" not in match and _matches(match, path):
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


def _conditions(route: Json) -> bool:
    """Whether the route depends on more than the path and the method POST."""
    match = route.get("match", {})
    headers = [each for each in match.get("headers", []) if each.get("name") != ":method"]
    return bool(headers or match.get("query_parameters") or match.get("runtime_fraction"))


def _clusters_of(route: Json | None) -> Iterator[str]:
    action = dig(route, "route", default={})
    weights = dig(action, "weighted_clusters", "clusters", default=[])
    for name in (action.get("cluster"), *(dig(weight, "name") for weight in weights)):
        if name:
            yield name
