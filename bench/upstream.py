"""The model server of the benchmark: an Envoy that answers every inference with the same bytes."""

from typing import Any

from bench import samples

_PACKAGES = "type.googleapis.com/envoy.extensions.filters"
_MANAGER = "network.http_connection_manager.v3.HttpConnectionManager"


def config(*, port: int, admin: int) -> dict[str, Any]:
    """Its bootstrap.

    Args:
        port: of the model server.
        admin: of Envoy's admin interface.
    """
    answer = {
        # Only the model's own path: a request that was not translated finds nothing.
        "match": {"path": samples.OIP_PATH},
        "direct_response": {
            "status": 200,
            "body": {"inline_string": samples.OIP_RESPONSE.decode()},
        },
        "response_headers_to_add": [
            {
                "header": {"key": "content-type", "value": "application/json"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }
    manager = {
        "@type": f"{_PACKAGES}.{_MANAGER}",
        "stat_prefix": "upstream",
        "route_config": {
            "virtual_hosts": [{"name": "upstream", "domains": ["*"], "routes": [answer]}]
        },
        "http_filters": [
            # Answered before its body has come, an HTTP/1 request costs its connection.
            _filter("buffer", "buffer.v3.Buffer", max_request_bytes=1 << 20),
            _filter("router", "router.v3.Router"),
        ],
    }
    chain = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        ]
    }
    return {
        "admin": {"address": _loopback(admin)},
        "static_resources": {
            "listeners": [
                {"name": "upstream", "address": _loopback(port), "filter_chains": [chain]}
            ]
        },
    }


def _filter(name: str, kind: str, **fields: object) -> dict[str, Any]:
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": f"{_PACKAGES}.http.{kind}", **fields},
    }


def _loopback(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
