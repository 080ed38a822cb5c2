"""The configurations in envoy/ have Envoy's types and the values that the translator needs."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from envoy_data_plane.envoy.config.bootstrap.v3 import Bootstrap
from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.extensions.access_loggers.file import v3 as _access_loggers
from envoy_data_plane.envoy.extensions.access_loggers.filters.cel import v3 as _cel
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
from envoy_data_plane.envoy.extensions.filters.http.router import v3 as _router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.request_id.uuid import v3 as _request_ids
from envoy_data_plane.envoy.extensions.resource_monitors.fixed_heap import v3 as _fixed_heap
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts import v3 as _previous_hosts
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as _upstreams

from demo.stack import GATEWAY, ROOT
from translator.exchange import routes
from translator.exchange.headers import CREDENTIALS
from translator.exchange.settings import Limits
from translator.exchange.upstream_errors import from_response

CONFIGS = sorted((ROOT / "envoy").glob("*.yaml"))
# Any messages are parsed into the types of modules that have been imported.
IMPORTED = (_access_loggers, _cel, _fixed_heap, _previous_hosts, _request_ids, _router, _upstreams)
FILTER = "envoy.filters.http.ext_proc"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_field_is_one_of_envoys_types(path: Path) -> None:
    resources = _bootstrap(path).static_resources
    assert resources is not None
    assert resources.listeners
    assert resources.clusters


def test_the_filter_is_enabled_for_all_but_translated_requests_and_plain_oip() -> None:
    manager = _manager()
    assert next(entry for entry in manager.http_filters if entry.name == FILTER).disabled
    assert manager.route_config is not None
    found = manager.route_config.virtual_hosts[0].routes
    on = [route.name for route in found if FILTER in route.typed_per_filter_config]
    assert on == ["openai"]
    assert [route.name for route in found] == ["translated", "oip", "oip", "oip-grpc", "openai"]


def test_the_routes_of_plain_oip_are_those_that_the_filter_knows() -> None:
    config = _manager().route_config
    assert config is not None
    oip = [route for route in config.virtual_hosts[0].routes if route.name.startswith("oip")]
    matches = [route.match and route.match.safe_regex for route in oip]
    assert [each and each.regex for each in matches] == [*routes.PLAIN_OIP, routes.PLAIN_GRPC]
    assert [tuple(route.request_headers_to_remove) for route in oip] == [CREDENTIALS] * 3


def test_the_filter_says_what_the_translator_relies_on() -> None:
    config = _filter()
    assert config.processing_mode == ext_proc.ProcessingMode(
        request_header_mode=ext_proc.ProcessingModeHeaderSendMode.SEND,
        response_header_mode=ext_proc.ProcessingModeHeaderSendMode.SEND,
        request_body_mode=ext_proc.ProcessingModeBodySendMode.BUFFERED,
        response_body_mode=ext_proc.ProcessingModeBodySendMode.BUFFERED,
        request_trailer_mode=ext_proc.ProcessingModeHeaderSendMode.SEND,
        response_trailer_mode=ext_proc.ProcessingModeHeaderSendMode.SKIP,
    )
    assert config.allow_mode_override
    assert not config.failure_mode_allow


def test_retries_take_longer_than_envoy_may_not_know_that_a_translator_is_back() -> None:
    """One translator may shut down as soon as another is back, and refuse all until it is used."""
    (check,) = _clusters()["oip_translator"].health_checks
    away = max(_seconds(check.unhealthy_interval), _seconds(check.unhealthy_edge_interval))
    service = _filter().grpc_service
    assert service is not None
    policy = service.retry_policy
    assert policy is not None
    pauses = policy.retry_back_off
    assert pauses is not None
    base, longest = _seconds(pauses.base_interval), _seconds(pauses.max_interval)
    # Each pause is a random part of twice as long as the one before, so half of it on average.
    most = [min(base * 2**number, longest) for number in range(policy.num_retries or 0)]
    assert sum(most) / 2 > 5 * away


def test_a_body_of_the_translators_own_limit_fits_into_envoys_buffers() -> None:
    resources = _bootstrap(GATEWAY).static_resources
    assert resources is not None
    buffers = _clusters()
    for holder in (resources.listeners[0], buffers["oip_translator"]):
        assert holder.per_connection_buffer_limit_bytes == Limits().request_body


def test_envoys_own_errors_have_the_codes_of_the_contract() -> None:
    """As responses of a model server with these statuses."""
    manager = yaml.safe_load(GATEWAY.read_text())["static_resources"]["listeners"][0]
    manager = manager["filter_chains"][0]["filters"][0]["typed_config"]
    codes = {}
    for mapper in manager["local_reply_config"]["mappers"]:
        *_, last = mapper["filter"].get("and_filter", {"filters": [{}]})["filters"]
        if "status_code_filter" in last:
            status = last["status_code_filter"]["comparison"]["value"]["default_value"]
            comparison = last["status_code_filter"]["comparison"]["op"]
            error = mapper["body_format_override"]["json_format"]["error"]
            codes[503 if comparison == "GE" else status] = (error["type"], error["code"])
    assert codes.pop(431) == ("invalid_request_error", "request_headers_too_large")
    expected = {status: from_response(status, b"", None) for status in codes}
    assert codes == {status: (error.type, error.code) for status, error in expected.items()}
    assert set(codes) == {400, 408, 413, 429, 500, 503, 504}


def _bootstrap(path: Path) -> Bootstrap:
    return Bootstrap.from_dict(yaml.safe_load(path.read_text()))  # raises on an unknown field


def _clusters() -> dict[str, Cluster]:
    resources = _bootstrap(GATEWAY).static_resources
    assert resources is not None
    return {cluster.name: cluster for cluster in resources.clusters}


def _filter() -> ext_proc.ExternalProcessor:
    entry = next(entry for entry in _manager().http_filters if entry.name == FILTER)
    assert entry.typed_config is not None
    config = entry.typed_config.unpack()
    assert isinstance(config, ext_proc.ExternalProcessor)
    return config


def _seconds(duration: timedelta | None) -> float:
    assert duration is not None
    return duration.total_seconds()


def _manager() -> hcm.HttpConnectionManager:
    resources = _bootstrap(GATEWAY).static_resources
    assert resources is not None
    config = resources.listeners[0].filter_chains[0].filters[0].typed_config
    assert config is not None
    manager = config.unpack()
    assert isinstance(manager, hcm.HttpConnectionManager)
    return manager
