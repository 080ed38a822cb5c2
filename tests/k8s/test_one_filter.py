"""The filter is the same wherever it stands: one definition, parsed into Envoy's own types."""

import re
import subprocess
import sys
from copy import deepcopy

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.route import v3 as _route
from envoy_data_plane.envoy.extensions.access_loggers.file import v3 as _access_loggers
from envoy_data_plane.envoy.extensions.access_loggers.filters.cel import v3 as _cel
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.request_id.uuid import v3 as _request_ids
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts import v3 as _previous_hosts
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as _upstreams

from demo.stack import GATEWAY
from tests.k8s.manifests import K8S, Object, build, the
from tests.k8s.places import PLACES, filter_of, manager_of, routes_of, translator_of
from translator.exchange.headers import CREDENTIALS
from translator.exchange.routes import PLAIN_GRPC

# Any messages are parsed into the types of modules that have been imported.
IMPORTED = (_access_loggers, _cel, _previous_hosts, _request_ids, _route, _upstreams)
REFERENCE = GATEWAY.name
OURS = [name for name in PLACES if name not in {REFERENCE, "envoy-gateway"}]


def processor(bootstrap: Object) -> ext_proc.ExternalProcessor:
    entry = hcm.HttpFilter.from_dict(filter_of(bootstrap))
    assert entry.disabled, "off but where a route says otherwise"
    assert entry.typed_config is not None
    config = entry.typed_config.unpack()
    assert isinstance(config, ext_proc.ExternalProcessor)
    return config


def cluster(bootstrap: Object) -> Cluster:
    """The translator's cluster but for its addresses and how they are found."""
    found = deepcopy(translator_of(bootstrap))
    del found["load_assignment"], found["type"]
    return Cluster.from_dict(found)


@pytest.mark.parametrize("name", OURS)
def test_filter_and_cluster_are_the_same_everywhere(name: str) -> None:
    reference, there = PLACES[REFERENCE](), PLACES[name]()
    assert processor(there) == processor(reference)
    assert cluster(there) == cluster(reference)


@pytest.mark.parametrize("name", OURS)
def test_local_replies_are_the_same_everywhere(name: str) -> None:
    def replies(bootstrap: Object) -> hcm.LocalReplyConfig:
        return hcm.LocalReplyConfig.from_dict(manager_of(bootstrap)["local_reply_config"])

    assert replies(PLACES[name]()) == replies(PLACES[REFERENCE]())


def test_envoy_gateways_filter_differs_only_in_what_it_has_no_field_for() -> None:
    reference, there = processor(PLACES[REFERENCE]()), processor(PLACES["envoy-gateway"]())
    assert reference.grpc_service is not None
    assert there.grpc_service is not None
    assert reference.grpc_service.retry_policy is not None
    assert there.processing_mode is not None
    # Its own, and without a meaning for this filter.
    there.grpc_service.timeout = None
    there.grpc_service.envoy_grpc = reference.grpc_service.envoy_grpc
    # A request of trailers alone is then not refused before a route is chosen.
    there.processing_mode.request_trailer_mode = ext_proc.ProcessingModeHeaderSendMode.SEND
    # 500 where we say 503.
    assert there.status_on_error is None
    there.status_on_error = reference.status_on_error
    # No x-envoy-original-path: logs show the path of the translated request.
    assert there.mutation_rules is None
    there.mutation_rules = reference.mutation_rules
    # A retry may meet the one that has just refused.
    assert there.grpc_service.retry_policy is not None
    assert there.grpc_service.retry_policy.retry_host_predicate == []
    policy = reference.grpc_service.retry_policy
    there.grpc_service.retry_policy.retry_host_predicate = policy.retry_host_predicate
    attempts = policy.host_selection_retry_max_attempts
    there.grpc_service.retry_policy.host_selection_retry_max_attempts = attempts
    assert there == reference


@pytest.mark.parametrize("name", PLACES)
def test_buffers_hold_the_largest_body_everywhere(name: str) -> None:
    resources = PLACES[name]()["static_resources"]
    wanted = PLACES[REFERENCE]()["static_resources"]["listeners"][0]
    limit = wanted["per_connection_buffer_limit_bytes"]
    holders = [resources["listeners"][0], translator_of(PLACES[name]())]
    routes = routes_of(PLACES[name]())
    upstreams = {route["route"]["cluster"] for route in routes if "grpc" not in route["match"]}
    assert {holder["per_connection_buffer_limit_bytes"] for holder in holders} == {limit}
    clusters = [found for found in resources["clusters"] if found["name"] in upstreams]
    assert [found["per_connection_buffer_limit_bytes"] for found in clusters] == [65_536]
    assert {route["route"]["timeout"] for route in routes} == {"0s"}
    manager = manager_of(PLACES[name]())
    assert manager["http2_protocol_options"]["initial_stream_window_size"] == limit
    assert manager["http2_protocol_options"]["max_concurrent_streams"] == 100
    assert manager["stream_idle_timeout"] == "600s"
    assert manager["request_timeout"] == "60s"


@pytest.mark.parametrize("name", [*OURS, "envoy-gateway"])
def test_plain_oip_has_the_same_paths_and_loses_the_same_headers_everywhere(name: str) -> None:
    def plain(place: str) -> dict[str, list[str]]:
        return {
            route["match"]["safe_regex"]["regex"]: route["request_headers_to_remove"]
            for route in routes_of(PLACES[place]())
            if "safe_regex" in route["match"]
        }

    wanted = plain(REFERENCE)
    if name == "envoy-gateway":  # whose gRPC has a route of another kind
        wanted.pop(PLAIN_GRPC)
    assert plain(name) == wanted


def test_envoy_gateways_methods_are_those_of_plain_oip() -> None:
    (rule,) = the(build("envoy-gateway"), "GRPCRoute")["spec"]["rules"]
    names = [match["method"] for match in rule["matches"]]
    assert all(re.fullmatch(PLAIN_GRPC, f"/{name['service']}/{name['method']}") for name in names)
    assert len(names) == len({name["method"] for name in names}) == 7
    (modifier,) = rule["filters"]
    assert modifier["requestHeaderModifier"]["remove"] == [*CREDENTIALS]
    assert len(CREDENTIALS) <= 16, "the most that Gateway API allows"


def test_what_is_written_from_gateway_yaml_is_up_to_date() -> None:
    argv = [sys.executable, str(K8S / "render.py"), "--check"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 -- our own script
    assert done.returncode == 0, done.stderr
