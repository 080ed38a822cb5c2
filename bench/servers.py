"""The processes under load. Each Envoy has one worker thread, so that all are equal."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bench import noop, upstream
from bench.exchange import Exchange
from demo import stack

_EXT_PROC = "envoy.filters.http.ext_proc"


def model_server(port: int, answers: Mapping[str, bytes], folder: Path) -> stack.Server:
    """An Envoy that responds to each path with constant JSON."""
    admin = stack.free_port()
    config = upstream.config(port=port, admin=admin, answers=answers, folder=folder)
    return envoy("upstream", config, folder)


def noop_server(port: int, exchanges: Sequence[Exchange], folder: Path) -> stack.Server:
    """:mod:`bench.noop` with the filter's replies to these exchanges."""
    replies = folder / f"noop-{port}.msgpack"
    replies.write_bytes(msgspec.msgpack.encode(noop.record(exchanges)))
    return stack.Server(
        "The no-op server",
        [sys.executable, "-m", "bench.noop", "--port", str(port), "--replies", replies],
        log=folder / f"noop-{port}.log",
        ready=lambda: stack.accepts(port),
    )


def envoy(name: str, config: Mapping[str, Any], folder: Path) -> stack.Server:
    """Envoy with one worker thread and this bootstrap; its files have the name ``name``."""
    bootstrap = folder / f"{name}.yaml"
    bootstrap.write_text(yaml.safe_dump(config))
    admin = config["admin"]["address"]["socket_address"]["port_value"]
    options = ["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"]
    return stack.Server(
        f"Envoy ({name})",
        [stack.envoy_binary(), "-c", bootstrap, *options],
        log=folder / f"{name}.log",
        ready=lambda: stack.answers(f"http://127.0.0.1:{admin}/ready"),
    )


def gateway(*, port: int, http: int, worker: int) -> dict[str, Any]:
    """envoy/gateway.yaml on ``port``, before a model server and an ext_proc server."""
    return stack.gateway_config(
        port=port, admin=stack.free_port(), http=http, grpc=http, translators=[worker]
    )


def hide_request_headers(config: dict[str, Any], path: str) -> None:
    """Configure a gateway not to send request headers, which saves a message and its reply.

    Envoy 1.40 then ignores header mutations in the reply to the body, so the route sets the path
    to the model here.
    """
    manager = _manager(config)
    for part in manager["http_filters"]:
        if part["name"] == _EXT_PROC:
            part["typed_config"]["processing_mode"]["request_header_mode"] = "SKIP"
    rewrite = {"regex_rewrite": {"pattern": {"regex": ".*"}, "substitution": path}}
    for host in manager["route_config"]["virtual_hosts"]:
        for route in host["routes"]:
            if "typed_per_filter_config" in route:
                route["route"] = {**route["route"], **rewrite}


def remove_filter(config: dict[str, Any]) -> None:
    """Remove the filter, and all that only it needs, from a gateway."""
    manager = _manager(config)
    manager["http_filters"] = [
        part for part in manager["http_filters"] if part["name"] != _EXT_PROC
    ]
    for host in manager["route_config"]["virtual_hosts"]:
        for route in host["routes"]:
            route.pop("typed_per_filter_config", None)
    resources = config["static_resources"]
    resources["clusters"] = [
        cluster for cluster in resources["clusters"] if cluster["name"] != "oip_translator"
    ]


def _manager(config: dict[str, Any]) -> dict[str, Any]:
    chain = config["static_resources"]["listeners"][0]["filter_chains"][0]
    manager: dict[str, Any] = chain["filters"][0]["typed_config"]
    return manager
