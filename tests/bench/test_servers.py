"""The configurations of gateways for special contenders."""

from bench import bodies, noop, servers


def test_without_the_filter_nothing_refers_to_it() -> None:
    config = servers.gateway(port=1, http=2, worker=3)
    assert "ext_proc" in str(config)
    servers.remove_filter(config)
    assert "ext_proc" not in str(config)
    assert [cluster["name"] for cluster in config["static_resources"]["clusters"]] == [
        "oip_http",
        "oip_grpc",
    ]


def test_without_request_headers_the_route_sets_the_path_where_the_filter_is_on() -> None:
    config = servers.gateway(port=1, http=2, worker=3)
    servers.hide_request_headers(config, "/v2/models/m/infer")
    chain = config["static_resources"]["listeners"][0]["filter_chains"][0]
    manager = chain["filters"][0]["typed_config"]
    mode = manager["http_filters"][0]["typed_config"]["processing_mode"]
    assert mode["request_header_mode"] == "SKIP"
    routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    assert [route["name"] for route in routes if "regex_rewrite" in route["route"]] == ["openai"]


def test_replies_are_recorded_for_each_path_and_phase() -> None:
    chat, embeddings = bodies.small_chat(), bodies.embeddings(1, 4)
    recorded = noop.record([chat, embeddings])
    assert [*recorded] == ["/v1/chat/completions", "/v1/embeddings"]
    for exchange in (chat, embeddings):
        replies = recorded[exchange.openai_path]
        assert [*replies] == [message[0] for message in exchange.messages()]
        assert exchange.translated.request.body in [*replies.values()][1]
