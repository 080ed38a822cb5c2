"""envoy/gateway.yaml with envoy/examples/cors.yaml in it, put where the example says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from demo import stack
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Upstream

EXAMPLE = yaml.safe_load((stack.ROOT / "envoy" / "examples" / "cors.yaml").read_text())
POLICY = EXAMPLE["typed_per_filter_config"]["envoy.filters.http.cors"]


def merged(config: dict[str, Any], origin: str) -> dict[str, Any]:
    """A configuration with the example in it, for one origin."""
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
    manager = manager["typed_config"]
    manager["http_filters"][:0] = EXAMPLE["http_filters"]
    policy = {**POLICY, "allow_origin_string_match": [{"exact": origin}]}
    for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
        if route["name"] == "openai":
            route["typed_per_filter_config"] = {
                **route["typed_per_filter_config"],
                "envoy.filters.http.cors": policy,
            }
    return config


@contextmanager
def gateway(folder: Path, upstream: Upstream, origin: str) -> Iterator[Gateway]:
    """The gateway, running, for pages of one origin."""
    port, admin, worker = stack.free_port(), stack.free_port(), stack.free_port()
    config = stack.gateway_config(
        port=port, admin=admin, http=upstream.port, grpc=upstream.port, translators=[worker]
    )
    config = merged(config, origin)
    with stack.translator(worker, folder) as translator, stack.envoy(config, folder) as envoy:
        yield Gateway(port, admin, worker, envoy, translator)
