"""What Envoy Gateway makes of our routes and policies.

Envoy Gateway itself is not here: this is our reading of its documentation and of what it generates,
in our own words. A filter for each policy, off in the listener and on by its routes; what a policy
does not name is not sent; header rules and trailers have no field.
"""

from typing import Any

from tests.k8s.manifests import Object, build, of_kind, the

_TYPES = "type.googleapis.com/envoy.extensions"
_HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": f"{_TYPES}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}
_MODES = {"Buffered": "BUFFERED", "Streamed": "STREAMED", "BufferedPartial": "BUFFERED_PARTIAL"}
_ORDER = ("RegularExpression", "PathPrefix")


def bootstrap() -> Object:
    """The configuration of an Envoy of Envoy Gateway's for our Gateway."""
    objects = build("envoy-gateway")
    policy = the(objects, "EnvoyExtensionPolicy")
    (extension,) = policy["spec"]["extProc"]
    name = f"envoy.filters.http.ext_proc/{policy['metadata']['name']}/extproc/0"
    service = f"{policy['metadata']['name']}/extproc/0"
    clients = the(objects, "ClientTrafficPolicy")["spec"]
    backends = the(objects, "BackendTrafficPolicy")["spec"]
    on = {target["name"] for target in policy["spec"]["targetRefs"]}
    manager = {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http-10080",
        "use_remote_address": True,
        "normalize_path": True,
        "merge_slashes": True,
        "http_protocol_options": {"accept_http_10": "http10" in clients.get("http1", {})},
        "http2_protocol_options": {
            "max_concurrent_streams": clients["http2"]["maxConcurrentStreams"],
            "initial_stream_window_size": _size(clients["http2"]["initialStreamWindowSize"]),
            "initial_connection_window_size": 1024 * 1024,  # the default of Envoy Gateway
        },
        "stream_idle_timeout": clients["timeout"]["http"]["streamIdleTimeout"],
        "request_timeout": clients["timeout"]["http"]["requestReceivedTimeout"],
        "route_config": {
            "name": "oip/http",
            "virtual_hosts": [
                {
                    "name": "oip/http",
                    "domains": ["*"],
                    "routes": _routes(objects, backends, dict.fromkeys(on, name)),
                }
            ],
        },
        "http_filters": [
            {"name": name, "disabled": True, "typed_config": _filter(extension, service)},
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPES}.filters.http.router.v3.Router"},
            },
        ],
    }
    return {
        "admin": {"address": _address(19000)},
        "static_resources": {
            "listeners": [
                {
                    "name": "oip/http",
                    "address": _address(10080),
                    "per_connection_buffer_limit_bytes": _bytes(clients),
                    "filter_chains": [
                        {
                            "filters": [
                                {
                                    "name": "envoy.filters.network.http_connection_manager",
                                    "typed_config": manager,
                                }
                            ]
                        }
                    ],
                }
            ],
            "clusters": [
                _cluster("seldon-mesh", 80, backends),
                _cluster(service, 50051, extension["backendSettings"])
                | {"typed_extension_protocol_options": _HTTP2},
            ],
        },
    }


def _filter(extension: Object, service: str) -> Object:
    modes = extension["processingMode"]
    retry = extension["backendSettings"]["retry"]
    back_off = retry["perRetry"]["backOff"]
    config: Object = {
        "@type": f"{_TYPES}.filters.http.ext_proc.v3.ExternalProcessor",
        "grpc_service": {
            "envoy_grpc": {"cluster_name": service},
            "timeout": "10s",
            "retry_policy": {
                "num_retries": retry["numRetries"],
                "retry_on": ",".join(retry["retryOn"]["triggers"]),
                "retry_back_off": {
                    "base_interval": _seconds(back_off["baseInterval"]),
                    "max_interval": _seconds(back_off["maxInterval"]),
                },
            },
        },
        "processing_mode": {
            f"{direction}_{part}_mode": value
            for direction in ("request", "response")
            for part, value in (
                ("header", "SEND" if direction in modes else "SKIP"),
                ("body", _MODES[modes[direction]["body"]] if direction in modes else "NONE"),
                ("trailer", "SKIP"),
            )
        },
        "allow_mode_override": modes["allowModeOverride"],
        "message_timeout": extension["messageTimeout"],
        "failure_mode_allow": extension["failOpen"],
        "metadata_options": {
            "receiving_namespaces": {"untyped": extension["metadata"]["writableNamespaces"]}
        },
    }
    return config


def _routes(objects: tuple[Object, ...], backends: Object, on: dict[str, str]) -> list[Object]:
    """The routes of all HTTPRoutes, the more specific first."""
    found = [
        (match["path"], route["metadata"]["name"], rule)
        for route in of_kind(objects, "HTTPRoute")
        for rule in route["spec"]["rules"]
        for match in rule["matches"]
    ]
    found.sort(key=lambda entry: (_ORDER.index(entry[0]["type"]), -len(entry[0]["value"])))
    return [_route(path, name, rule, backends, on) for path, name, rule in found]


def _route(path: Object, name: str, rule: Object, backends: Object, on: dict[str, str]) -> Object:
    value = path["value"]
    regex = path["type"] == "RegularExpression"
    (backend,) = rule["backendRefs"]
    (modifier,) = rule["filters"]
    result: dict[str, Any] = {
        "name": f"{name}/{value}",
        "match": {"safe_regex": {"regex": value}} if regex else {"prefix": value},
        "request_headers_to_remove": modifier["requestHeaderModifier"]["remove"],
        "route": {
            "cluster": backend["name"],
            "timeout": rule["timeouts"]["request"],
            "retry_policy": {
                "num_retries": backends["retry"]["numRetries"],
                "retry_on": ",".join(backends["retry"]["retryOn"]["triggers"]),
            },
        },
    }
    if name in on:
        result["typed_per_filter_config"] = {
            on[name]: {
                "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
                "config": {},
            }
        }
    return result


def _cluster(name: str, port: int, settings: Object) -> Object:
    breaker = settings["circuitBreaker"]
    threshold = {
        "max_connections": breaker["maxConnections"],
        "max_pending_requests": breaker["maxPendingRequests"],
        "max_requests": breaker["maxParallelRequests"],
        "max_retries": breaker.get("maxParallelRetries", 1024),
    }
    cluster: Object = {
        "name": name,
        "type": "STRICT_DNS",
        "connect_timeout": "10s",
        "per_connection_buffer_limit_bytes": _bytes(settings),
        "circuit_breakers": {"thresholds": [threshold]},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}],
        },
    }
    if "healthCheck" in settings:
        active = settings["healthCheck"]["active"]
        panic = {"value": settings["healthCheck"]["panicThreshold"]}
        cluster["common_lb_config"] = {"healthy_panic_threshold": panic}
        cluster["health_checks"] = [
            {
                "timeout": active["timeout"],
                "interval": active["interval"],
                "unhealthy_threshold": active["unhealthyThreshold"],
                "healthy_threshold": active["healthyThreshold"],
                "grpc_health_check": {},
            }
        ]
    return cluster


def _address(port: int) -> Object:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _bytes(settings: Object) -> int:
    return _size(settings["connection"]["bufferLimit"])


def _size(limit: str) -> int:
    return int(limit[:-2]) * {"Ki": 1024, "Mi": 1024**2}[limit[-2:]]


def _seconds(text: str) -> str:
    """A duration of Kubernetes' as protobuf writes it."""
    if text.endswith("ms"):
        return f"{int(text.removesuffix('ms')) / 1000:.3f}s"
    return text
