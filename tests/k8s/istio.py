"""What Istio's ingress gateway makes of our Gateway, VirtualService and EnvoyFilter.

Istio itself is not here. A listener and routes as it makes them of the first two are written down
in our own words, and the patches of the third are applied to them as its documentation says: each
to whatever matches, in their order. Source: istio.io, reference of EnvoyFilter and VirtualService.
"""

from copy import deepcopy
from typing import Any

from tests.k8s.manifests import Object, build, the

MANAGER = "envoy.filters.network.http_connection_manager"
_TYPES = "type.googleapis.com/envoy.extensions.filters"


def bootstrap() -> Object:
    """The configuration of an ingress gateway that has all three."""
    objects = build("istio")
    config = _plain(the(objects, "VirtualService"))
    for patch in the(objects, "EnvoyFilter")["spec"]["configPatches"]:
        assert patch["match"]["context"] == "GATEWAY"
        _apply(config["static_resources"], patch)
    return config


def _plain(virtual_service: Object) -> Object:
    (host,) = {
        destination["destination"]["host"]
        for route in virtual_service["spec"]["http"]
        for destination in route["route"]
    }
    cluster = f"outbound|80||{host}"
    manager = {
        "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "outbound_0.0.0.0_8080",
        "use_remote_address": True,
        "route_config": {
            "name": "http.8080",
            "virtual_hosts": [
                {
                    "name": "*:80",
                    "domains": ["*"],
                    "routes": [
                        {"name": route["name"], "match": _match(match), **_action(route, cluster)}
                        for route in virtual_service["spec"]["http"]
                        for match in route["match"]
                    ],
                }
            ],
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPES}.http.router.v3.Router"},
            }
        ],
    }
    return {
        "admin": {"address": _address(15000)},
        "static_resources": {
            "listeners": [
                {
                    "name": "0.0.0.0_8080",
                    "address": _address(8080),
                    "filter_chains": [{"filters": [{"name": MANAGER, "typed_config": manager}]}],
                }
            ],
            "clusters": [
                {
                    "name": cluster,
                    "type": "STRICT_DNS",
                    "load_assignment": {
                        "cluster_name": cluster,
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(80)}}]}],
                    },
                }
            ],
        },
    }


def _address(port: int) -> Object:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _action(route: Object, cluster: str) -> Object:
    return {
        "request_headers_to_remove": route.get("headers", {}).get("request", {}).get("remove", []),
        "route": {
            "cluster": cluster,
            "timeout": route["timeout"],
            "retry_policy": {
                "retry_on": route["retries"]["retryOn"],
                "num_retries": route["retries"]["attempts"],
            },
        },
    }


def _match(match: Object) -> Object:
    ((kind, value),) = match["uri"].items()
    forms: dict[str, Object] = {
        "exact": {"path": value},
        "prefix": {"prefix": value},
        "regex": {"safe_regex": {"regex": value}},
    }
    there = [{"name": name, "present_match": True} for name in match.get("headers", {})]
    return {**forms[kind], "headers": there}


def _apply(resources: Object, patch: Object) -> None:
    """Apply one patch to all that it matches, which must be something."""
    kind, match, operation = patch["applyTo"], patch["match"], patch["patch"]["operation"]
    value = deepcopy(patch["patch"]["value"])
    (manager,) = resources["listeners"][0]["filter_chains"][0]["filters"]
    config = manager["typed_config"]
    if (kind, operation) == ("HTTP_FILTER", "INSERT_BEFORE"):
        names = [found["name"] for found in config["http_filters"]]
        before = match["listener"]["filterChain"]["filter"]
        assert before["name"] == manager["name"]
        config["http_filters"].insert(names.index(before["subFilter"]["name"]), value)
    elif (kind, operation) == ("HTTP_ROUTE", "MERGE"):
        (host,) = config["route_config"]["virtual_hosts"]
        name = match["routeConfiguration"]["vhost"]["route"]["name"]
        _merge_all([route for route in host["routes"] if route["name"] == name], value)
    elif (kind, operation) == ("CLUSTER", "ADD"):
        resources["clusters"].append(value)
    elif (kind, operation) == ("CLUSTER", "MERGE"):
        service = match["cluster"]["service"]
        _merge_all([c for c in resources["clusters"] if c["name"].endswith(f"|{service}")], value)
    elif (kind, operation) == ("LISTENER", "MERGE"):
        _merge_all(resources["listeners"], value)
    else:
        assert (kind, operation) == ("NETWORK_FILTER", "MERGE")
        assert match["listener"]["filterChain"]["filter"]["name"] == manager["name"]
        _merge_all([manager], value)


def _merge_all(targets: list[Object], value: Object) -> None:
    assert targets
    for target in targets:
        _merge(target, value)


def _merge(target: Any, value: Object) -> None:
    """As protobuf merges messages: what is set is set, and messages within are merged."""
    for key, inner in value.items():
        if isinstance(inner, dict) and isinstance(target.get(key), dict):
            _merge(target[key], inner)
        else:
            target[key] = deepcopy(inner)
