"""Every object is one that Kubernetes knows, in each version, or the maker of its own kind."""

import json
from typing import Any

import kubernetes_validate
import pytest

from tests.k8s.manifests import BUILDS, Object, build

# The oldest in which `sleep` as a preStop and sidecars are on by default, and the newest that the
# package has. A stable field of both is one of every version between.
SUPPORTED = ["1.30", "1.37"]

_REFERENCE = {"group": str, "kind": str, "name": str}
_BACKEND = {"name": str, "port": int}
_DESTINATION = {"destination": {"host": str, "port": {"number": int}}}
_PARENTS = [{"name": str}]
_FILTERS = [{"type": {"RequestHeaderModifier"}, "requestHeaderModifier": {"remove": [str]}}]
_BREAKER = {
    "maxConnections": int,
    "maxPendingRequests": int,
    "maxParallelRequests": int,
    "maxParallelRetries": int,
}
_RETRY = {
    "numRetries": int,
    "retryOn": {
        "triggers": {
            "5xx",
            "gateway-error",
            "reset",
            "connect-failure",
            "retriable-4xx",
            "refused-stream",
            "retriable-status-codes",
            "cancelled",
            "deadline-exceeded",
            "internal",
            "resource-exhausted",
            "unavailable",
        }
    },
    "perRetry": {"backOff": {"baseInterval": str, "maxInterval": str}},
}
CUSTOM: dict[tuple[str, str], Any] = {
    # What of each we use, by the documentation of who defines it.
    ("networking.istio.io/v1", "Gateway"): {
        "selector": dict,
        "servers": [{"port": {"number": int, "name": str, "protocol": {"HTTP"}}, "hosts": [str]}],
    },
    ("networking.istio.io/v1", "VirtualService"): {
        "gateways": [str],
        "hosts": [str],
        "http": [
            {
                "name": str,
                "match": [{"uri": {"exact": str, "prefix": str, "regex": str}, "headers": dict}],
                "headers": {"request": {"remove": [str]}},
                "route": [_DESTINATION],
                "timeout": str,
                "retries": {"attempts": int, "retryOn": str},
            }
        ],
    },
    ("networking.istio.io/v1alpha3", "EnvoyFilter"): {
        "workloadSelector": {"labels": dict},
        "configPatches": [
            {
                "applyTo": {"HTTP_FILTER", "HTTP_ROUTE", "CLUSTER", "LISTENER", "NETWORK_FILTER"},
                "match": {
                    "context": {"GATEWAY"},
                    "listener": {"filterChain": {"filter": {"name": str, "subFilter": dict}}},
                    "routeConfiguration": {"vhost": {"route": {"name": str}}},
                    "cluster": {"service": str},
                },
                "patch": {"operation": {"INSERT_BEFORE", "MERGE", "ADD"}, "value": dict},
            }
        ],
    },
    ("gateway.networking.k8s.io/v1", "Gateway"): {
        "gatewayClassName": str,
        "listeners": [{"name": str, "port": int, "protocol": {"HTTP"}}],
    },
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): {
        "parentRefs": _PARENTS,
        "rules": [
            {
                "matches": [{"path": {"type": {"PathPrefix", "RegularExpression"}, "value": str}}],
                "filters": _FILTERS,
                "backendRefs": [_BACKEND],
                "timeouts": {"request": str},
            }
        ],
    },
    ("gateway.networking.k8s.io/v1", "GRPCRoute"): {
        "parentRefs": _PARENTS,
        "rules": [
            {
                "matches": [{"method": {"service": str, "method": str}}],
                "filters": _FILTERS,
                "backendRefs": [_BACKEND],
            }
        ],
    },
    ("gateway.envoyproxy.io/v1alpha1", "EnvoyExtensionPolicy"): {
        "targetRefs": [_REFERENCE],
        "extProc": [
            {
                "backendRefs": [_BACKEND],
                "backendSettings": {
                    "connection": {"bufferLimit": str},
                    "circuitBreaker": _BREAKER,
                    "healthCheck": {
                        "panicThreshold": int,
                        "active": {
                            "type": {"GRPC"},
                            "timeout": str,
                            "interval": str,
                            "unhealthyThreshold": int,
                            "healthyThreshold": int,
                        },
                    },
                    "retry": _RETRY,
                },
                "processingMode": {
                    "request": {"body": {"Buffered"}},
                    "response": {"body": {"Buffered"}},
                    "allowModeOverride": bool,
                },
                "messageTimeout": str,
                "failOpen": bool,
                "metadata": {"writableNamespaces": [str]},
            }
        ],
    },
    ("gateway.envoyproxy.io/v1alpha1", "ClientTrafficPolicy"): {
        "targetRefs": [_REFERENCE],
        "connection": {"bufferLimit": str},
        "http1": {"http10": dict},
        "http2": {"maxConcurrentStreams": int, "initialStreamWindowSize": str},
        "timeout": {"http": {"streamIdleTimeout": str, "requestReceivedTimeout": str}},
    },
    ("gateway.envoyproxy.io/v1alpha1", "BackendTrafficPolicy"): {
        "targetRefs": [_REFERENCE],
        "connection": {"bufferLimit": str},
        "timeout": {"http": {"requestTimeout": str}},
        "circuitBreaker": _BREAKER,
        "retry": _RETRY,
    },
    ("mlops.seldon.io/v1alpha1", "SeldonRuntime"): {
        "seldonConfig": str,
        "overrides": [{"name": str, "podSpec": dict}],
    },
    ("monitoring.coreos.com/v1", "ServiceMonitor"): {
        "selector": {"matchLabels": dict},
        "endpoints": [{"port": str, "path": str, "interval": str}],
    },
}


def custom(found: Object) -> Any:
    return CUSTOM.get((found["apiVersion"], found["kind"]))


def distinct() -> list[Object]:
    """Each object once, though it be in many builds."""
    return list({json.dumps(o, sort_keys=True): o for name in BUILDS for o in build(name)}.values())


@pytest.mark.parametrize("version", SUPPORTED)
def test_kubernetes_knows_every_field(version: str) -> None:
    checked = [found for found in distinct() if custom(found) is None]
    assert len(checked) > 20
    for found in checked:
        kubernetes_validate.validate(found, version, strict=True)


def test_pods_in_a_seldon_runtime_are_pods_too() -> None:
    (runtime,) = [found for found in build("seldon-envoy") if found["kind"] == "SeldonRuntime"]
    for override in runtime["spec"]["overrides"]:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "seldon-envoy"}}
        for version in SUPPORTED:
            kubernetes_validate.validate({**pod, "spec": override["podSpec"]}, version, strict=True)


def matches(value: Any, shape: Any) -> bool:
    """Whether a value is of a shape: a type, the words allowed, or the same of what it holds."""
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(
            key in shape and matches(inner, shape[key]) for key, inner in value.items()
        )
    if isinstance(shape, list):
        return isinstance(value, list) and all(matches(inner, shape[0]) for inner in value)
    if isinstance(shape, set):
        return set(value if isinstance(value, list) else [value]) <= shape
    return type(value) is shape


def test_of_other_kinds_only_known_fields_are_used() -> None:
    checked = [found for found in distinct() if custom(found) is not None]
    assert {(found["apiVersion"], found["kind"]) for found in checked} == set(CUSTOM)
    for found in checked:
        assert set(found) == {"apiVersion", "kind", "metadata", "spec"}
        for key, value in found["spec"].items():
            assert matches(value, custom(found).get(key)), (found["kind"], key, value)


@pytest.mark.parametrize("name", BUILDS)
def test_every_object_has_a_namespace_and_a_name_of_its_own(name: str) -> None:
    objects = build(name)
    assert all(found["metadata"].get("namespace") for found in objects)
    keys = [(found["kind"], found["apiVersion"], found["metadata"]["name"]) for found in objects]
    assert len(keys) == len(set(keys))
