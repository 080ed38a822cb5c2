"""``check``, before real Envoy, the real translator and model servers, well and broken."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo import stack
from tests import oip
from tests.e2e.conftest import Gateway
from tests.e2e.tls import NAME, OURS
from tests.e2e.tls import gateway as gateway_over_tls
from tests.e2e.upstream import Gate, Script, Upstream
from tests.mlserver import ModelServer
from tests.unit.transport.certificates import write
from translator.check.command import add_arguments, run
from translator.check.config_dump import OPENAI_PATHS

Results = dict[str, Any]
"""By the names of the steps."""


def check(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(argv))


def options(gateway: Gateway, upstream: int) -> list[str]:
    return [
        *("--envoy", gateway.url, "--envoy-admin", f"http://127.0.0.1:{gateway.admin}"),
        *("--translator", f"127.0.0.1:{gateway.worker}"),
        *("--upstream", f"http://127.0.0.1:{upstream}", "--timeout", "60"),
    ]


def script(upstream: Upstream) -> None:
    """What the model server answers, in the order in which it is asked."""
    for _ in ("live", "ready"):
        upstream.answer("")
    upstream.answer(oip.answer("Hello."))
    upstream.stream(oip.answer("Hel"), oip.answer("lo."))
    vector = oip.numbers("embedding", 0.5, 1.0, datatype="FP32")
    upstream.answer(oip.response({**vector, "shape": [1, 2]}))


MODELS = ("--chat", "chat", "--embeddings", "embed")


def diagnose(
    capsys: pytest.CaptureFixture[str], gateway: Gateway, upstream: int
) -> tuple[int, Results]:
    status = check(*options(gateway, upstream), *MODELS, "--json")
    return status, {item["name"]: item for item in json.loads(capsys.readouterr().out)}


def test_all_is_well(
    gateway: Gateway, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    script(upstream)
    status = check(*options(gateway, upstream.port), *MODELS)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("✓ ")] == []
    assert status == 0
    assert "✓ listener buffer limit: gateway: 67108864 bytes" in lines
    assert "✓ message_timeout: 10s" in lines
    (stream,) = (line for line in lines if line.startswith("✓ chat stream chat: "))
    assert " 3 events in " in stream
    assert " bytes, " in stream
    paths = [received.path for received in upstream.received]
    assert paths[:2] == ["/v2/health/live", "/v2/health/ready"]
    assert paths[2:] == [
        "/v2/models/chat/infer",
        "/v2/models/chat/infer_stream",
        "/v2/models/embed/infer",
    ]


def test_all_is_well_before_real_models(
    model_gateway: Gateway, mlserver: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ["--chat", "chatgpt", "--embeddings", "openai-embeddings"]
    assert check(*options(model_gateway, mlserver.http), *models, "--json") == 0
    results = json.loads(capsys.readouterr().out)
    assert all(item["ok"] for item in results)
    assert len(results) == 24


def test_a_model_that_is_not_there(
    model_gateway: Gateway, mlserver: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ["--chat", "nobody", "--chat", "openai-embeddings", "--embeddings", "chatgpt"]
    assert check(*options(model_gateway, mlserver.http), *models) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "✗ chat nobody: HTTP 404 The model `nobody` does not exist" in "\n".join(lines)
    assert '- chat stream nobody: skipped, because "chat nobody" failed' in lines
    failed = [line.partition(":")[0] for line in lines if line.startswith("✗")]
    assert failed == ["✗ chat nobody", "✗ chat openai-embeddings", "✗ embeddings chatgpt"]


@pytest.mark.parametrize("client_ca", [None, OURS.pem], ids=["TLS", "mutual TLS"])
def test_all_is_well_over_tls(
    upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str], client_ca: bytes | None
) -> None:
    files = write(tmp_path / "secret", OURS.issue(NAME), client_ca)
    names = {"certificate": files.certificate, "key": files.key, "client_ca": files.client_ca}
    settings = tmp_path / "settings.toml"
    settings.write_text("".join(f"tls_{name} = '{path}'\n" for name, path in names.items() if path))
    with gateway_over_tls(tmp_path, upstream, tls=files, client=OURS.issue("envoy")) as running:
        script(upstream)
        given = [*options(running, upstream.port), *MODELS]
        assert check(*given, "--config", str(settings)) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if not line.startswith("✓ ")] == []
        assert "✓ translator health" in lines
        # Nothing else is judged by it: Envoy has certificates of its own.
        assert check(*given, "--json") == 1
    failed, *_ = json.loads(capsys.readouterr().out)
    assert failed["name"] == "translator health"
    assert failed["found"] == f"127.0.0.1:{running.worker}: the server expects TLS, not plain text"
    assert "--tls-certificate" in failed["hint"]


def test_the_bounds_are_those_of_the_settings(
    gateway: Gateway,
    upstream: Upstream,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OIP_TRANSLATOR_MAX_REQUEST_BODY", "65M")
    assert check(*options(gateway, upstream.port)[:4], "--max-response-body=66M", "--json") == 1
    results = json.loads(capsys.readouterr().out)
    hints = {item["name"]: item["hint"] for item in results if item["ok"] is False}
    assert set(hints) == {"listener buffer limit"}
    assert all("limit_bytes: 69206016 on " in hint for hint in hints.values())
    assert check(*options(gateway, upstream.port)[:4], "--max-request-body=64M") == 0


def test_a_model_without_streams_is_none_that_holds_them_back(
    upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = '--models={"chat": {"streams": false}}'
    for _ in range(4):
        upstream.answer(oip.answer("Hello."))
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port, options=[models]) as parts:
        given = ["--envoy", Gateway(*parts).url, "--chat", "chat"]
        assert check(*given, models) == 0
        assert "✓ chat stream chat: 2 events in " in capsys.readouterr().out
        assert check(*given) == 1
        assert "✗ chat stream chat: 3 events with content-length" in capsys.readouterr().out


class Config:
    """Envoy's configuration, for tests to break."""

    def __init__(self, document: dict[str, Any]) -> None:
        resources = document["static_resources"]
        self.clusters = {cluster["name"]: cluster for cluster in resources["clusters"]}
        self.listener = resources["listeners"][0]
        self.manager = self.listener["filter_chains"][0]["filters"][0]["typed_config"]
        self.routes = self.manager["route_config"]["virtual_hosts"][0]["routes"]
        self.ext_proc = self.manager["http_filters"][0]["typed_config"]

    def without_filter(self) -> None:
        """No filter, and no route that speaks of it."""
        self.manager["http_filters"].pop(0)
        self.never_on()

    def never_on(self) -> None:
        """A filter, but no route that turns it on."""
        for route in self.routes:
            route.pop("typed_per_filter_config", None)

    def over_http1(self) -> None:
        """To the translator; Envoy itself would refuse a gRPC health check over it."""
        for key in ("typed_extension_protocol_options", "health_checks"):
            self.clusters["oip_translator"].pop(key)


NOT_MET = "the request did not pass the filter: is it enabled for /v1? See envoy/gateway.yaml"
BROKEN: dict[str, tuple[Callable[[Config], object], str, str, str]] = {
    # what: (how to break it, the step that fails, what it finds, the hint's beginning)
    "message_timeout": (
        lambda config: config.ext_proc.update(message_timeout="0.2s"),
        "message_timeout",
        "0.200s",
        "set message_timeout: 10s",
    ),
    "listener's buffer": (
        lambda config: config.listener.pop("per_connection_buffer_limit_bytes"),
        "listener buffer limit",
        "gateway: 1048576 bytes",
        "set per_connection_buffer_limit_bytes: 67108864 on listener gateway",
    ),
    "no mode override": (
        lambda config: config.ext_proc.pop("allow_mode_override"),
        "allow_mode_override",
        "false",
        "set allow_mode_override: true",
    ),
    "open on failure": (
        lambda config: config.ext_proc.update(failure_mode_allow=True),
        "failure_mode_allow",
        "true",
        "set failure_mode_allow: false",
    ),
    "no trailers": (
        lambda config: config.ext_proc["processing_mode"].pop("request_trailer_mode"),
        "processing modes",
        "request_trailer_mode is DEFAULT",
        "set processing_mode request_trailer_mode: SEND",
    ),
    "route time-out": (
        lambda config: config.routes[0].update(route={"cluster": "oip_http"}),
        "route timeout",
        "15s",
        "set timeout: 0s",
    ),
    "idle time-out": (
        lambda config: config.manager.update(stream_idle_timeout="30s"),
        "stream_idle_timeout",
        "30s",
        "set stream_idle_timeout",
    ),
    "no filter": (
        lambda config: config.without_filter(),
        "ext_proc filter",
        "no HTTP connection manager has envoy.filters.http.ext_proc",
        "add the filter before envoy.filters.http.router",
    ),
    "filter off": (
        lambda config: config.never_on(),
        "ext_proc on OpenAI routes",
        f"no route of listener gateway for {' or '.join(OPENAI_PATHS)} enables the filter",
        "add typed_per_filter_config",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_one_thing_is_wrong_and_nothing_else(
    what: str, upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    breaking, name, found, hint = BROKEN[what]
    script(upstream)
    status, results = diagnose_broken(breaking, upstream.port, tmp_path, capsys)
    (failed,) = (item for item in results.values() if item["ok"] is False)
    assert (failed["name"], failed["found"]) == (name, found)
    assert failed["hint"].startswith(hint)
    assert status == 1
    skipped = {item["found"] for item in results.values() if item["ok"] is None}
    assert skipped <= {f'"{name}" failed'}
    if name in ("ext_proc filter", "ext_proc on OpenAI routes"):
        assert results["chat chat"]["ok"] is None
        assert results["upstream ready"]["ok"]
    else:
        assert not skipped


def diagnose_broken(
    breaking: Callable[[Config], object],
    upstream: int,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> tuple[int, Results]:
    """What is said with a configuration broken before Envoy starts."""
    port, admin, worker = stack.free_port(), stack.free_port(), stack.free_port()
    document = stack.gateway_config(
        port=port, admin=admin, http=upstream, grpc=upstream, translators=[worker]
    )
    breaking(Config(document))
    with (
        stack.translator(worker, folder) as serving,
        stack.envoy(document, folder) as proxy,
    ):
        return diagnose(capsys, Gateway(port, admin, worker, proxy, serving), upstream)


def test_http1_to_the_translator(
    upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(upstream)
    _, results = diagnose_broken(Config.over_http1, upstream.port, tmp_path, capsys)
    broken = results["translator cluster HTTP/2"]
    assert broken["found"] == "cluster oip_translator uses HTTP/1.1"
    assert "http2_protocol_options" in broken["hint"]
    assert results["chat chat"]["ok"] is False, "and so nothing works"


def test_the_translator_is_down(
    upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(upstream)
    with stack.gateway(tmp_path, http=upstream.port, grpc=upstream.port) as parts:
        gateway = Gateway(*parts)
        gateway.translator.stop()
        status, results = diagnose(capsys, gateway, upstream.port)
    (failed,) = (item for item in results.values() if item["ok"] is False)
    address = f"127.0.0.1:{gateway.worker}"
    assert failed == {
        "name": "translator health",
        "ok": False,
        "found": f"{address}: nothing listens there",
        "hint": f"start the translator: oip-translator serve --listen {address}",
    }
    assert status == 1
    assert [item["name"] for item in results.values() if item["ok"] is None] == [
        "error of a bad request",
        "chat chat",
        "chat stream chat",
        "embeddings embed",
    ]


def test_the_upstream_is_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = stack.free_port()
    with stack.gateway(tmp_path, http=nobody, grpc=nobody) as parts:
        gateway = Gateway(*parts)
        status, results = diagnose(capsys, gateway, nobody)
        blind = check("--envoy", gateway.url, "--chat", "chat")
    (failed,) = (item for item in results.values() if item["ok"] is False)
    url = f"http://127.0.0.1:{nobody}/v2/health/live"
    assert failed == {
        "name": "upstream live",
        "ok": False,
        "found": f"{url}: cannot connect: Connection refused",
        "hint": "is the model server running, and is this its HTTP address?",
    }
    assert (status, blind) == (1, 1)
    assert "✗ chat chat: HTTP 503 " in capsys.readouterr().out


def test_the_upstream_is_no_model_server(
    gateway: Gateway, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream.answer("Not Found", status="404 Not Found", content_type="text/plain")
    status, results = diagnose(capsys, gateway, upstream.port)
    live = results["upstream live"]
    assert live["found"].startswith("HTTP 404 from ")
    assert live["hint"].startswith("is this the HTTP port of an OIP server?")
    assert results["upstream ready"]["ok"] is None
    assert status == 1


def test_a_mesh_has_no_health_of_its_own(
    gateway: Gateway, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    script(upstream)
    for position in range(2):  # live and ready
        head = {"server": "envoy", "content-length": "0"}
        upstream.scripts[position] = Script("404 Not Found", head)
    status, results = diagnose(capsys, gateway, upstream.port)
    assert status == 0
    assert "mesh" in results["upstream live"]["found"]


def test_models_that_are_not_ready(
    gateway: Gateway, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream.answer("")
    upstream.answer("", status="400 Bad Request")
    status, results = diagnose(capsys, gateway, upstream.port)
    assert results["upstream live"]["ok"]
    assert results["upstream ready"]["found"].startswith("HTTP 400 from ")
    assert results["chat chat"]["found"] == '"upstream ready" failed'
    assert status == 1


def test_envoy_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{stack.free_port()}"
    assert check("--envoy", url, "--envoy-admin", url, *MODELS) == 1
    lines = capsys.readouterr().out.splitlines()
    assert f"✗ Envoy ready: {url}/ready: cannot connect: Connection refused" in lines
    assert f"✗ Envoy listener: {url.removeprefix('http://')}: Connection refused" in lines
    assert len([line for line in lines if line.startswith("✗")]) == 2


@pytest.mark.parametrize(
    ("what", "found", "hint"),
    [
        ("json", "content-type is application/json, not text/event-stream", NOT_MET),
        ("whole", "3 events with content-length: they were buffered until the last", None),
        ("unfinished", "0 [DONE] in 1 events; the last one must be [DONE]", NOT_MET),
        ("twice", "2 [DONE] in 3 events; the last one must be [DONE]", NOT_MET),
        ("error", "an error event: out of memory", None),
    ],
)
def test_streams_that_are_none(
    upstream: Upstream,
    capsys: pytest.CaptureFixture[str],
    what: str,
    found: str,
    hint: str | None,
) -> None:
    """Here the scripted server stands where Envoy should: the translator sends no such thing."""
    events = {
        "unfinished": ["data: {}\n\n"],
        "twice": ["data: {}\n\n", "data: [DONE]\n\n", "data: [DONE]\n\n"],
        "error": ['data: {"error": {"message": "out of memory"}}\n\n', "data: [DONE]\n\n"],
    }
    upstream.answer(
        {"error": {"message": "no", "type": "t", "param": None, "code": None}},
        status="400 Bad Request",
        x_request_id="1",
    )
    upstream.answer(
        {"id": "1", "object": "chat.completion", "choices": [{"message": {"role": "assistant"}}]}
    )
    if what == "json":
        upstream.answer("{}")
    elif what == "whole":
        upstream.answer("data: {}\n\n" * 2 + "data: [DONE]\n\n", content_type="text/event-stream")
    else:
        upstream.stream(*(piece.encode() for piece in events[what]))
    assert check("--envoy", f"http://127.0.0.1:{upstream.port}", "--chat", "m", "--json") == 1
    results = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    failed = [item for item in results.values() if item["ok"] is False]
    assert [item["name"] for item in failed] == ["chat stream m"]
    assert failed[0]["found"] == found
    assert failed[0]["hint"]
    assert hint in (None, failed[0]["hint"])


ERROR = {"message": "no", "type": "t", "param": None, "code": None}


@pytest.mark.parametrize(
    ("status", "body", "head", "found", "hint"),
    [
        (400, {"error": ERROR}, {}, "no x-request-id", "set always_set_request_id_in_response"),
        (400, {"error": "no"}, {}, "no OpenAI error object", NOT_MET),
        (400, {"error": {"message": "no"}}, {}, "no OpenAI error object", NOT_MET),
        (404, "", {}, "HTTP 404 instead of 400, no OpenAI error object", NOT_MET),
        (200, "[]", {}, "HTTP 200 instead of 400, no OpenAI error object", NOT_MET),
        (503, {"error": ERROR}, {}, "HTTP 503 instead of 400", "can Envoy reach"),
        # Not followed: what is there is not what clients are told about.
        (302, "", {"location": "/"}, "HTTP 302 instead of 400, no OpenAI error object", NOT_MET),
    ],
)
def test_errors_that_are_not_openais(
    upstream: Upstream,
    capsys: pytest.CaptureFixture[str],
    status: int,
    body: str | dict[str, Any],
    head: dict[str, str],
    found: str,
    hint: str,
) -> None:
    upstream.answer(body, status=f"{status} X", content_type="application/json", **head)
    assert check("--envoy", f"http://127.0.0.1:{upstream.port}", "--json") == 1
    results = json.loads(capsys.readouterr().out)
    (failed,) = (item for item in results if item["ok"] is False)
    assert (failed["name"], failed["found"]) == ("error of a bad request", found)
    assert failed["hint"].startswith(hint)


@pytest.mark.parametrize(
    ("version", "ok"), [("1.36.0", True), ("2.0.0-dev", True), ("1.35.9", False), ("", False)]
)
def test_the_version_of_envoy(
    upstream: Upstream, capsys: pytest.CaptureFixture[str], version: str, *, ok: bool
) -> None:
    upstream.answer("LIVE\n")
    upstream.answer({"version": f"9e55/{version}/Clean/RELEASE/BoringSSL"})
    upstream.answer("forbidden", status="403 Forbidden")
    assert check("--envoy-admin", f"http://127.0.0.1:{upstream.port}", "--json") == 1
    results = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert results["Envoy version"]["ok"] is ok
    assert results["Envoy version"]["found"] == (version or "unknown")
    assert results["ext_proc filter"]["found"] == "HTTP 403 from /config_dump"


def test_envoy_is_still_starting(upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.answer("PRE_INITIALIZING\n", status="503 Service Unavailable")
    assert check("--envoy-admin", f"http://127.0.0.1:{upstream.port}") == 1
    assert "✗ Envoy ready: HTTP 503 PRE_INITIALIZING\n    wait" in capsys.readouterr().out


@pytest.mark.parametrize(
    "dump", ["", "[", '{"configs": [{"x": [{"listener": {"filter_chains": 1}}]}]}']
)
def test_a_config_dump_that_is_none(
    upstream: Upstream, capsys: pytest.CaptureFixture[str], dump: str
) -> None:
    upstream.answer("LIVE\n")
    upstream.answer({"version": "x/1.40.0/y"})
    upstream.answer(dump)
    assert check("--envoy-admin", f"http://127.0.0.1:{upstream.port}") == 1
    assert (
        "✗ ext_proc filter: /config_dump is not a configuration of Envoy" in capsys.readouterr().out
    )


def test_a_model_that_refuses_max_tokens_is_asked_without(
    gateway: Gateway, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal, bad = '{"error": "max_tokens is not known"}', "400 Bad Request"
    upstream.answer(refusal, status=bad)
    upstream.answer(oip.answer("Hello."))
    upstream.answer(refusal, status=bad)
    upstream.stream(oip.answer("Hel"), oip.answer("lo."))
    assert check("--envoy", gateway.url, "--chat", "chat") == 0
    assert "✓ chat stream chat" in capsys.readouterr().out


def test_a_server_that_does_not_answer_is_given_up(
    upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream.stream(gate := Gate(), b"late")
    url = f"http://127.0.0.1:{upstream.port}"
    assert check("--upstream", url, "--timeout", "0.2") == 1
    gate.set()
    said = capsys.readouterr().out
    assert f"✗ upstream live: {url}/v2/health/live: no response within 0.2 s" in said
