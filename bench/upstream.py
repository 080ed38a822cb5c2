"""The model server of the benchmark: an Envoy that responds to each path with constant bytes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PACKAGES = "type.googleapis.com/envoy.extensions.filters"
_MANAGER = "network.http_connection_manager.v3.HttpConnectionManager"
_LARGEST = 64 << 20  # bytes of a body in either direction


def config(*, port: int, admin: int, answers: Mapping[str, bytes], folder: Path) -> dict[str, Any]:
    """The bootstrap of this Envoy.

    Args:
        port: the port of the model server.
        admin: the port of Envoy's admin interface.
        answers: the JSON response for each path. Other paths, such as untranslated ones, get 404.
        folder: for the files of the responses.
    """
    manager = {
        "@type": f"{_PACKAGES}.{_MANAGER}",
        "stat_prefix": "upstream",
        "route_config": {
            "max_direct_response_body_size_bytes": _LARGEST,
            "virtual_hosts": [
                {
                    "name": "upstream",
                    "domains": ["*"],
                    "routes": [
                        _route(path, answer, folder / f"answer-{number}.json")
                        for number, (path, answer) in enumerate(answers.items())
                    ],
                }
            ],
        },
        "http_filters": [
            # A response before the end of an HTTP/1 request body would close the connection.
            _filter("buffer", "buffer.v3.Buffer", max_request_bytes=_LARGEST),
            _filter("router", "router.v3.Router"),
        ],
    }
    chain = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        ]
    }
    listener = {
        "name": "upstream",
        "address": _loopback(port),
        "per_connection_buffer_limit_bytes": _LARGEST,
        "filter_chains": [chain],
    }
    return {
        "admin": {"address": _loopback(admin)},
        "static_resources": {"listeners": [listener]},
    }


def _route(path: str, answer: bytes, file: Path) -> dict[str, Any]:
    file.write_bytes(answer)
    return {
        "match": {"path": path},
        "direct_response": {"status": 200, "body": {"filename": str(file)}},
        "response_headers_to_add": [
            {
                "header": {"key": "content-type", "value": "application/json"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }


def _filter(name: str, kind: str, **fields: object) -> dict[str, Any]:
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": f"{_PACKAGES}.http.{kind}", **fields},
    }


def _loopback(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
