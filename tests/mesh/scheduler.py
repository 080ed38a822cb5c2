"""The Envoy of a mesh, configured as Seldon's scheduler does it for the models that there are.

A request is routed by ``seldon-model`` alone, which is taken from the path where it is missing, and
``x-seldon-route`` keeps it to one of several candidates. The model server learns which it is by
``seldon-internal-model``. Left out are the taps, the mirrors and the routes of gRPC.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_FILTERS = "type.googleapis.com/envoy.extensions.filters"

_MODEL_FROM_PATH = """
local function missing(headers, name)
  local value = headers:get(name)
  return value == nil or value == ""
end

function envoy_on_request(request)
  local headers = request:headers()
  if not (missing(headers, "seldon-model") and missing(headers, "x-seldon-route")) then
    return
  end
  local path = headers:get(":path")
  local model = path:match("^/v2/models/([^/]*)")
  local pipeline = path:match("^/v2/pipelines/([^/]*)/")
  if model then
    headers:replace("seldon-model", model)
  elseif pipeline then
    headers:replace("seldon-model", pipeline .. ".pipeline")
  end
end
"""


@dataclass(frozen=True)
class Model:
    """A model.

    Attributes:
        name: as clients know it.
        agent: the port of the agent that serves it.
        weights: of its versions; there are two during a rolling update.
    """

    name: str
    agent: int
    weights: Mapping[int, int] = field(default_factory=lambda: {1: 100})

    def internal(self, version: int) -> str:
        """What model servers call a version of it."""
        return f"{self.name}_{version}"


@dataclass(frozen=True)
class Experiment:
    """Several models behind one name.

    Attributes:
        name: without its suffix.
        weights: of its candidates, by their models' names.
        default: the model whose own name also stands for the experiment.
    """

    name: str
    weights: Mapping[str, int]
    default: str | None = None


@dataclass(frozen=True)
class Mesh:
    """What is deployed.

    Attributes:
        models: all of them.
        experiments: on them.
        pipelines: their names, without suffix.
        pipeline_gateway: its port.
        back_off: seconds before the first retry, at most; doubled for each that follows.
    """

    models: Sequence[Model]
    experiments: Sequence[Experiment] = ()
    pipelines: Sequence[str] = ()
    pipeline_gateway: int = 0
    back_off: float = 0.5


def envoy_config(
    mesh: Mesh, *, port: int, admin: int, transport_socket: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The bootstrap of its Envoy, on loopback ports.

    Args:
        mesh: what is deployed.
        port: of the listener.
        admin: of Envoy's admin interface.
        transport_socket: of the listener, for TLS.
    """
    chain: dict[str, Any] = {"filters": [_connection_manager(mesh)]}
    if transport_socket is not None:
        chain["transport_socket"] = transport_socket
    clusters = {
        _cluster(model.internal(version)): model.agent
        for model in mesh.models
        for version in model.weights
    }
    clusters |= {f"{name}_pipeline_http": mesh.pipeline_gateway for name in mesh.pipelines}
    return {
        "admin": {"address": _address(admin)},
        "static_resources": {
            "listeners": [
                {"name": "seldon_http", "address": _address(port), "filter_chains": [chain]}
            ],
            "clusters": [_endpoint(name, port) for name, port in clusters.items()],
        },
    }


def _connection_manager(mesh: Mesh) -> dict[str, Any]:
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "listener_0",
            "generate_request_id": False,
            "always_set_request_id_in_response": False,
            "route_config": {
                "virtual_hosts": [
                    {"name": "seldon_service", "domains": ["*"], "routes": [*_routes(mesh)]}
                ]
            },
            "http_filters": [
                {
                    "name": "envoy.filters.http.lua",
                    "typed_config": {
                        "@type": f"{_FILTERS}.http.lua.v3.Lua",
                        "default_source_code": {"inline_string": _MODEL_FROM_PATH},
                    },
                },
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": f"{_FILTERS}.http.router.v3.Router"},
                },
            ],
        },
    }


def _routes(mesh: Mesh) -> Iterator[dict[str, Any]]:
    models = {model.name: model for model in mesh.models}
    splits = {
        name: {model.internal(version): weight for version, weight in model.weights.items()}
        for name, model in models.items()
    }
    for experiment in mesh.experiments:
        split = {
            models[name].internal(max(models[name].weights)): weight
            for name, weight in experiment.weights.items()
        }
        splits[f"{experiment.name}.experiment"] = split
        if experiment.default is not None:
            splits[experiment.default] = split
    for name, split in splits.items():
        if len(split) > 1:
            yield from (_sticky_route(name, internal) for internal in split)
        yield _weighted_route(mesh, name, split)
    for pipeline in mesh.pipelines:
        name = f"{pipeline}.pipeline"
        yield {
            "match": _match(name),
            "request_headers_to_add": [_header("seldon-internal-model", name)],
            "response_headers_to_add": [_header("x-seldon-route", f":{name}:")],
            "route": {"cluster": f"{pipeline}_pipeline_http", **_retried(mesh)},
        }


def _weighted_route(mesh: Mesh, name: str, split: Mapping[str, int]) -> dict[str, Any]:
    clusters = [
        {
            "name": _cluster(internal),
            "weight": weight,
            "request_headers_to_remove": ["seldon-internal-model"],
            "request_headers_to_add": [_header("seldon-internal-model", internal)],
            "response_headers_to_add": [_header("x-seldon-route", f":{internal}:")],
        }
        for internal, weight in split.items()
    ]
    return {
        "match": _match(name, {"name": "x-seldon-route", "present_match": False}),
        "route": {"weighted_clusters": {"clusters": clusters}, **_retried(mesh)},
    }


def _sticky_route(name: str, internal: str) -> dict[str, Any]:
    candidate = {"name": "x-seldon-route", "string_match": {"contains": f":{internal}:"}}
    added = [_header("seldon-internal-model", internal), _header("seldon-model", name)]
    return {
        "match": _match(name, candidate),
        "request_headers_to_add": added,
        "route": {"cluster": _cluster(internal), "timeout": "0s"},
    }


def _match(name: str, *further: dict[str, Any]) -> dict[str, Any]:
    model = {"name": "seldon-model", "string_match": {"exact": name}}
    return {"prefix": "/v2", "headers": [model, *further]}


def _retried(mesh: Mesh) -> dict[str, Any]:
    return {
        "timeout": "0s",
        "retry_policy": {
            "retry_on": "5xx,connect-failure",
            "num_retries": 5,
            "retry_back_off": {"base_interval": f"{mesh.back_off}s"},
        },
    }


def _header(name: str, value: str) -> dict[str, Any]:
    return {"header": {"key": name, "value": value}}  # added to what is there


def _cluster(internal: str) -> str:
    return f"{internal}_http"


def _endpoint(name: str, port: int) -> dict[str, Any]:
    return {
        "name": name,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_ONLY",
        "dns_refresh_rate": "2s",
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [{"max_retries": 5}]},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}],
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
