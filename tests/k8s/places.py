"""Every place that holds the filter, as the bootstrap of an Envoy that has it."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import yaml

from demo.stack import ROOT
from tests.k8s import envoy_gateway, istio
from tests.k8s.manifests import Object, build, data

EXT_PROC = ".ext_proc.v3.ExternalProcessor"


def _file(path: Path) -> Callable[[], Object]:
    def read() -> Object:
        found: Object = yaml.safe_load(path.read_text())
        return found

    return read


def _config_map(name: str) -> Callable[[], Object]:
    def read() -> Object:
        found: Object = yaml.safe_load(data(build(name), "oip-gateway-envoy", "envoy.yaml"))
        return found

    return read


PLACES: Mapping[str, Callable[[], Object]] = {
    **{path.name: _file(path) for path in sorted((ROOT / "envoy").glob("*.yaml"))},
    **{
        name: _config_map(name)
        for name in ("gateway", "mlserver", "triton", "gateway+tls", "seldon-envoy")
    },
    "istio": istio.bootstrap,
    "envoy-gateway": envoy_gateway.bootstrap,
}
"""By the name of the file in envoy/ or of the build."""


def manager_of(bootstrap: Object) -> Object:
    """The HTTP connection manager that clients meet."""
    listener = bootstrap["static_resources"]["listeners"][0]
    found: Object = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def routes_of(bootstrap: Object) -> list[Object]:
    """The routes that clients meet."""
    found: list[Object] = manager_of(bootstrap)["route_config"]["virtual_hosts"][0]["routes"]
    return found


def filter_of(bootstrap: Object) -> Object:
    """The only ext_proc filter."""
    (found,) = [
        entry
        for entry in manager_of(bootstrap)["http_filters"]
        if entry["typed_config"]["@type"].endswith(EXT_PROC)
    ]
    assert isinstance(found, dict)
    return found


def translator_of(bootstrap: Object) -> Object:
    """The cluster that the filter names."""
    name = filter_of(bootstrap)["typed_config"]["grpc_service"]["envoy_grpc"]["cluster_name"]
    (found,) = [c for c in bootstrap["static_resources"]["clusters"] if c["name"] == name]
    assert isinstance(found, dict)
    return found


def moved(
    bootstrap: Object,
    *,
    listeners: Sequence[int],
    admin: int,
    upstream: int,
    translators: Sequence[Object],
) -> Object:
    """The same with other addresses, and nothing else changed.

    Args:
        bootstrap: of one of the places.
        listeners: a loopback port for each.
        admin: of the admin interface.
        upstream: of the model server, for HTTP and gRPC.
        translators: the addresses of the translator's workers, as Envoy has them.
    """
    config = deepcopy(bootstrap)
    config["admin"]["address"] = _loopback(admin)
    resources = config["static_resources"]
    for listener, port in zip(resources["listeners"], listeners, strict=True):
        listener["address"] = _loopback(port)
    translator = translator_of(config)
    for cluster in resources["clusters"]:
        addresses = [_loopback(admin if cluster["name"] == "admin" else upstream)]
        if cluster is translator:
            addresses = [*translators]
            # One that is found by name on other machines, and here not at all.
            cluster["type"] = "STATIC"
        cluster["load_assignment"]["endpoints"] = [
            {"lb_endpoints": [{"endpoint": {"address": address}} for address in addresses]}
        ]
    return config


def _loopback(port: int) -> Object:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
