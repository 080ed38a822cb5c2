"""Finds in Envoy's ``/config_dump`` the path of an OpenAI request.

The dump is the JSON form of Envoy's messages, without fields that have their default. Source:
Envoy's API, v3: admin, config.listener, config.route, config.cluster, and
extensions.filters.http.ext_proc.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from translator.check.dump_routes import (
    Json,
    Routes,
    clusters_of,
    dig,
    is_conditional,
    matching,
)

OPENAI_PATHS = ("/v1/chat/completions", "/v2/models/m/infer/chat/completions")
"""The paths that clients post to, for both forms of a base URL."""

OIP_PATHS = ("/v2/models/m/infer", "/v2/models/m/infer_stream")
"""The translated paths; Envoy selects the route again for them."""

_MANAGER = ".HttpConnectionManager"
_EXT_PROC = ".ExternalProcessor"


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
        routes: those of the virtual host of ``openai``, or None.
        openai: the route of an OpenAI request that enables the filter, or None.
        models: the routes of translated requests, for infer and infer_stream; None where no route
            is certain to match.
        conditional: whether a route may match them depending on headers that are not known here.
        clusters: all clusters, by name.
    """

    listener: Json
    manager: Json
    settings: Json
    routes: Routes | None = None
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
            names |= dict.fromkeys(clusters_of(route))
        return [self.clusters[name] for name in names if name in self.clusters]

    def without_filter(self, path: str) -> list[Json]:
        """The routes by which a client's request may reach the models as it is."""
        models = {cluster["name"] for cluster in self.upstreams}
        taken = self.routes.taken(path) if self.routes else ()
        return [
            route
            for route, settings in taken
            if settings is None and models & {*clusters_of(route)}
        ]


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
        routes = Routes(route_config, host, name, on)
        for path in OPENAI_PATHS:
            for route, own in routes.taken(path):
                if own is None:
                    continue
                models, conditional = _models(host)
                return {
                    "routes": routes,
                    "openai": route,
                    "models": models,
                    "conditional": conditional,
                    "overrides": dig(own, "overrides")
                    or dig(own, "config", "overrides", default={}),
                }
    return {}


def _models(host: Json) -> tuple[tuple[Json | None, ...], bool]:
    chosen: list[Json | None] = []
    conditional = False
    for path in OIP_PATHS:
        routes = list(matching(host, path, translated=True))
        sure = [route for route in routes if not is_conditional(route)]
        conditional = conditional or (bool(routes) and not sure)
        # A direct response, for one, leads to no model.
        chosen.append(sure[0] if sure and any(clusters_of(sure[0])) else None)
    return tuple(chosen), conditional
