"""Checks of Envoy's configuration: a shortened dump of a live one, with changes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from translator.check import envoy_settings
from translator.check.config_dump import Gateway, find, seconds
from translator.exchange.headers import CREDENTIALS
from translator.exchange.settings import DEFAULTS, ExchangeSettings
from translator.settings.sources import load

DUMP = Path(__file__).with_name("config_dump.json").read_text()
PORT = 25825


class Dump:
    """The parts of a dump that tests change."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = json.loads(DUMP)
        self.clusters, self.listeners = self.document["configs"]
        self.listener = self.listeners["static_listeners"][0]["listener"]
        self.manager = self.listener["filter_chains"][0]["filters"][0]["typed_config"]
        self.host = self.manager["route_config"]["virtual_hosts"][0]
        self.routes = self.host["routes"]
        self.http_filter = self.manager["http_filters"][0]
        self.settings = self.http_filter["typed_config"]

    def cluster(self, name: str) -> dict[str, Any]:
        """One of the clusters."""
        clusters = (item["cluster"] for item in self.clusters["static_clusters"])
        found: dict[str, Any] = next(each for each in clusters if each["name"] == name)
        return found

    def route(self, name: str) -> dict[str, Any]:
        """The first route of a name."""
        found: dict[str, Any] = next(route for route in self.routes if route["name"] == name)
        return found

    def find(self, port: int | None = PORT) -> Gateway:
        """What ``check`` sees."""
        gateway = find(json.dumps(self.document).encode(), port)
        assert gateway is not None
        return gateway


@pytest.fixture
def dump() -> Dump:
    return Dump()


def failures(dump: Dump, settings: ExchangeSettings = DEFAULTS) -> dict[str, str]:
    gateway, checks = dump.find(), envoy_settings.checks(settings)
    findings = {name: check(gateway) for name, (check, _) in checks.items()}
    assert all(finding.hint for finding in findings.values() if not finding.ok)
    return {name: finding.found for name, finding in findings.items() if not finding.ok}


def test_the_projects_own_configuration_is_in_order(dump: Dump) -> None:
    assert failures(dump) == {}
    gateway = dump.find()
    assert gateway.openai is not None
    assert gateway.openai["name"] == "openai"
    assert [route and route["name"] for route in gateway.models] == ["translated", "translated"]
    assert gateway.translator is not None
    assert gateway.translator["name"] == "oip_translator"
    assert [cluster["name"] for cluster in gateway.upstreams] == ["oip_http"]


LISTENER = {"listener buffer limit": "gateway: 67108864 bytes"}


@pytest.mark.parametrize(
    ("bounds", "broken"),
    [
        ({"max_request_body": "64M", "max_response_body": "64M"}, {}),
        ({"max_request_body": "1K", "max_response_body": "67108864"}, {}),
        ({"max_request_body": "67108865"}, LISTENER),
        ({"max_response_body": "67108865"}, LISTENER),
    ],
)
def test_buffers_are_as_large_as_the_settings_let_bodies_be(
    dump: Dump, bounds: dict[str, str], broken: dict[str, str]
) -> None:
    settings = load(bounds, {}).exchange
    assert failures(dump, settings) == broken
    for name in broken:
        check, _ = envoy_settings.checks(settings)[name]
        assert "_bytes: 67108865 on " in check(dump.find()).hint


BROKEN: dict[str, tuple[Callable[[Dump], object], dict[str, str]]] = {
    "time-out left at its default": (
        lambda dump: dump.settings.pop("message_timeout"),
        {"message_timeout": "0.200s"},
    ),
    "time-out below a second": (
        lambda dump: dump.settings.update(message_timeout="0.999s"),
        {"message_timeout": "0.999s"},
    ),
    "no override": (
        lambda dump: dump.settings.pop("allow_mode_override"),
        {"allow_mode_override": "false"},
    ),
    "open on failure": (
        lambda dump: dump.settings.update(failure_mode_allow=True),
        {"failure_mode_allow": "true"},
    ),
    "open on failure on the route": (
        lambda dump: dump.route("openai")["typed_per_filter_config"].update(
            {"envoy.filters.http.ext_proc": {"overrides": {"failure_mode_allow": True}}}
        ),
        {"failure_mode_allow": "true"},
    ),
    "no processing mode": (
        lambda dump: dump.settings.pop("processing_mode"),
        {
            "processing modes": "request_body_mode is NONE, request_trailer_mode is DEFAULT, "
            "response_body_mode is NONE"
        },
    ),
    "streamed bodies, skipped headers": (
        lambda dump: dump.settings["processing_mode"].update(
            response_body_mode="STREAMED", request_header_mode="SKIP"
        ),
        {"processing modes": "request_header_mode is SKIP, response_body_mode is STREAMED"},
    ),
    "modes of the route": (
        lambda dump: dump.route("openai")["typed_per_filter_config"].update(
            {
                "envoy.filters.http.ext_proc": {
                    "overrides": {"processing_mode": {"request_body_mode": "BUFFERED"}}
                }
            }
        ),
        {"processing modes": "request_trailer_mode is DEFAULT, response_body_mode is NONE"},
    ),
    "listener's buffer": (
        lambda dump: dump.listener.pop("per_connection_buffer_limit_bytes"),
        {"listener buffer limit": "gateway: 1048576 bytes"},
    ),
    "HTTP/1.1 to the translator": (
        lambda dump: dump.cluster("oip_translator").pop("typed_extension_protocol_options"),
        {"translator cluster HTTP/2": "cluster oip_translator uses HTTP/1.1"},
    ),
    "an unknown cluster": (
        lambda dump: dump.settings["grpc_service"]["envoy_grpc"].update(cluster_name="other"),
        {"translator cluster HTTP/2": "no cluster other"},
    ),
    "no gRPC": (
        lambda dump: dump.settings.pop("grpc_service"),
        {"translator cluster HTTP/2": "no grpc_service"},
    ),
    "route time-out": (
        lambda dump: dump.route("translated")["route"].pop("timeout"),
        {"route timeout": "15s"},
    ),
    "idle time-out": (
        lambda dump: dump.manager.update(stream_idle_timeout="30s"),
        {"stream_idle_timeout": "30s"},
    ),
    "idle time-out of a route": (
        lambda dump: dump.route("translated")["route"].update(idle_timeout="5s"),
        {"stream_idle_timeout": "600s and 5s"},
    ),
    "no route for OIP": (
        lambda dump: [
            dump.routes.__delitem__(slice(0, 3)),
            dump.route("openai").update(match={"path_separated_prefix": "/v1"}),
        ],
        {"route to the models": "no route for /v2/models/<model>/infer and infer_stream"},
    ),
    "plain OIP keeps some credentials": (
        lambda dump: [
            route.update(request_headers_to_remove=route["request_headers_to_remove"][1:-1])
            for route in dump.routes[1:3]
        ],
        {"credentials in plain OIP": "authorization, openai-project to the models"},
    ),
    "all paths but OpenAI's to the models": (
        lambda dump: (
            dump.routes.append(
                {"match": {"prefix": "/"}, "route": dump.route("translated")["route"]}
            )
            or dump.route("openai").update(match={"path_separated_prefix": "/v1"})
        ),
        {
            "ext_proc on other paths": "/chat/completions, "
            "/openai/deployments/m/chat/completions, /V1/chat/completions, "
            "/v1%2Fchat/completions, /v2/repository/models/m/unload, /metrics to the models "
            "without the filter"
        },
    ),
    "a wider route comes first": (
        lambda dump: dump.routes.insert(
            0, {"match": {"prefix": "/"}, "route": dump.route("translated")["route"]}
        ),
        {
            "ext_proc on OpenAI routes": "no route of listener gateway for /v1/chat/completions or "
            "/v2/models/m/infer/chat/completions enables the filter"
        },
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_fault_is_found_and_no_other(dump: Dump, name: str) -> None:
    change, expected = BROKEN[name]
    change(dump)
    assert failures(dump) == expected


FINE: dict[str, Callable[[Dump], object]] = {
    "idle time-out off": lambda dump: dump.manager.update(stream_idle_timeout="0s"),
    "idle time-out left at its default": lambda dump: dump.manager.pop("stream_idle_timeout"),
    "no buffer limit": lambda dump: dump.listener.update(per_connection_buffer_limit_bytes=0),
    "header modes left at their default": lambda dump: [
        dump.settings["processing_mode"].pop(f"{side}_header_mode")
        for side in ("request", "response")
    ],
    "on for all": lambda dump: [
        dump.http_filter.pop("disabled"),
        [route.pop("typed_per_filter_config", None) for route in dump.routes],
    ],
    "on for the host": lambda dump: dump.host.update(
        typed_per_filter_config=dump.route("openai").pop("typed_per_filter_config")
    ),
    "on by FilterConfig": lambda dump: dump.route("openai")["typed_per_filter_config"].update(
        {"envoy.filters.http.ext_proc": {"config": {"overrides": {}}}}
    ),
    "per model only": lambda dump: dump.routes.pop(0),
    "credentials removed by the host": lambda dump: [
        dump.host.update(request_headers_to_remove=[*map(str.title, CREDENTIALS)]),
        [route.pop("request_headers_to_remove", None) for route in dump.routes],
    ],
    "a prefix": lambda dump: dump.route("openai").update(match={"prefix": "/v1/"}),
    "a path": lambda dump: dump.route("openai").update(match={"path": "/v1/chat/completions"}),
    "a method": lambda dump: dump.route("openai")["match"].update(
        headers=[{"name": ":method", "string_match": {"exact": "POST"}}]
    ),
    "another route of unknown headers before": lambda dump: dump.routes.insert(
        0, {"match": {"prefix": "/", "headers": [{"name": "x-tenant"}]}, "route": {}}
    ),
    "routes to models by header": lambda dump: dump.route("translated")["match"].update(
        headers=[{"name": "seldon-model"}]
    ),
    "weighted clusters": lambda dump: dump.route("translated").update(
        route={
            "weighted_clusters": {"clusters": [{"name": "oip_http"}, {"name": "unknown"}]},
            "timeout": "0s",
        }
    ),
    "HTTP/2 of old": lambda dump: dump.cluster("oip_translator").update(
        typed_extension_protocol_options={}, http2_protocol_options={}
    ),
    "google_grpc": lambda dump: dump.settings.update(
        grpc_service={"google_grpc": {"target_uri": "translator:50051"}}
    ),
}


@pytest.mark.parametrize("name", FINE)
def test_equivalent_configurations_are_accepted(dump: Dump, name: str) -> None:
    FINE[name](dump)
    assert failures(dump) == {}


def test_each_base_path_of_the_settings_must_meet_the_filter(dump: Dump) -> None:
    settings = load({"base_paths": "/v1, /openai/v1, /"}, {}).exchange
    assert failures(dump, settings) == {}
    dump.route("openai").update(match={"path_separated_prefix": "/v1"})
    found = "no route enables the filter for /chat/completions, /openai/v1/chat/completions"
    assert failures(dump, settings) == {"ext_proc on base_paths": found}


def test_a_credential_that_is_forwarded_may_pass_in_plain_oip_too(dump: Dump) -> None:
    for route in dump.routes[1:3]:
        route["request_headers_to_remove"].remove("cookie")
    assert failures(dump) == {"credentials in plain OIP": "cookie to the models"}
    assert failures(dump, load({"forward_headers": "cookie"}, {}).exchange) == {}


@pytest.mark.parametrize("off", [{"disabled": True}, {"config": {"disabled": True}}])
def test_a_route_can_disable_the_filter(dump: Dump, off: dict[str, Any]) -> None:
    dump.http_filter["disabled"] = False
    for route in dump.routes:
        route["typed_per_filter_config"] = {"envoy.filters.http.ext_proc": off}
    assert set(failures(dump)) == {"ext_proc on OpenAI routes"}


def test_dynamic_configuration_is_read_too(dump: Dump) -> None:
    routes = dump.manager.pop("route_config")
    dump.manager["rds"] = {"route_config_name": routes["name"]}
    settings_of_filter = dump.http_filter.pop("typed_config")
    dump.http_filter["config_discovery"] = {}
    dump.document["configs"] = [
        {"dynamic_listeners": [{"name": "gateway", "active_state": {"listener": dump.listener}}]},
        {"dynamic_active_clusters": dump.clusters["static_clusters"]},
        {"dynamic_route_configs": [{"route_config": routes}]},
        {
            "ecds_filters": [
                {
                    "ecds_filter": {
                        "name": dump.http_filter["name"],
                        "typed_config": settings_of_filter,
                    }
                }
            ]
        },
    ]
    assert failures(dump) == {}


def test_of_several_filters_the_one_for_openai_requests_is_found(dump: Dump) -> None:
    other = json.loads(json.dumps(dump.listener))
    other["name"] = "other"
    other["address"]["socket_address"]["port_value"] = 1
    dump.listeners["static_listeners"].insert(0, {"listener": other})
    assert dump.find().listener["name"] == "gateway"
    assert dump.find(1).listener["name"] == "other"
    assert dump.find(None).listener["name"] == "other"
    manager = other["filter_chains"][0]["filters"][0]["typed_config"]
    manager["route_config"] = {}
    assert dump.find(None).listener["name"] == "gateway"


@pytest.mark.parametrize("text", ["{}", "[]", '{"configs": null}', '{"configs": [1, {"a": [2]}]}'])
def test_a_dump_without_a_filter_has_none(text: str) -> None:
    assert find(text.encode()) is None


def test_without_the_filter_there_is_none(dump: Dump) -> None:
    dump.manager["http_filters"].pop(0)
    assert find(json.dumps(dump.document).encode()) is None


def test_durations() -> None:
    assert [seconds(text) for text in ("0s", "0.200s", "600s")] == [0, 0.2, 600]
    assert seconds("soon") != seconds("soon")
    assert seconds(None) != seconds(None)
