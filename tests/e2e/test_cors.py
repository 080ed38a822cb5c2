"""Web pages of listed origins may call OpenAI's paths, with envoy/examples/cors.yaml: raw HTTP.

With a real browser: proof_browser.py.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import oip
from tests.e2e import cors
from tests.e2e.conftest import Gateway, Reply
from tests.e2e.upstream import Upstream

ORIGIN = cors.POLICY["allow_origin_string_match"][0]["exact"]
OTHER = "https://other.example.com"
CHAT = "/v1/chat/completions"
PER_MODEL = "/v2/models/chat/infer/chat/completions"
HELLO: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
ALLOW_ORIGIN = "access-control-allow-origin"


@pytest.fixture(scope="module")
def page_gateway(
    _upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with cors.gateway(tmp_path_factory.mktemp("cors"), _upstream, ORIGIN) as running:
        yield running


def preflight(gateway: Gateway, path: str, origin: str) -> Reply:
    """What a browser asks before a page may post JSON with a key."""
    return gateway.request(
        "OPTIONS",
        path,
        origin=origin,
        access_control_request_method="POST",
        access_control_request_headers="authorization,content-type,x-stainless-os",
    )


@pytest.mark.parametrize("path", [CHAT, PER_MODEL])
def test_a_preflight_request(page_gateway: Gateway, upstream: Upstream, path: str) -> None:
    reply = preflight(page_gateway, path, ORIGIN)
    assert reply.status == 200
    assert reply.headers[ALLOW_ORIGIN] == ORIGIN
    assert "POST" in reply.headers["access-control-allow-methods"]
    allowed = reply.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "*"} <= set(allowed)
    assert "access-control-allow-credentials" not in reply.headers
    assert upstream.received == []


@pytest.mark.parametrize(
    ("path", "origin"), [(CHAT, OTHER), (PER_MODEL, OTHER), ("/v2/models/chat/infer", ORIGIN)]
)
def test_what_is_not_listed_is_not_allowed(
    page_gateway: Gateway, upstream: Upstream, path: str, origin: str
) -> None:
    """The model server's own policy is not asked for its paths, but nothing is added to them."""
    upstream.answer("{}")
    reply = preflight(page_gateway, path, origin)
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_by_default_no_page_is_allowed(gateway: Gateway, upstream: Upstream) -> None:
    reply = preflight(gateway, CHAT, ORIGIN)
    assert (reply.status, reply.error["type"]) == (405, "invalid_request_error")
    assert not [name for name in reply.headers if name.startswith("access-control")]
    assert upstream.received == []


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("path", [CHAT, PER_MODEL])
def test_a_response_can_be_read(
    page_gateway: Gateway, upstream: Upstream, path: str, *, streamed: bool
) -> None:
    upstream.stream(oip.answer("Hi"))
    reply = page_gateway.post(path, {**HELLO, "stream": streamed}, origin=ORIGIN)
    assert reply.status == 200
    assert b"Hi" in reply.body
    assert reply.headers[ALLOW_ORIGIN] == ORIGIN
    exposed = reply.headers["access-control-expose-headers"].split(", ")
    assert {"x-request-id", "x-should-retry", "retry-after", "openai-processing-ms"} <= set(exposed)


@pytest.mark.parametrize(
    ("body", "status"), [({**HELLO, "n": 0}, 400), ({**HELLO, "stream": True}, 404)]
)
def test_an_error_can_be_read(
    page_gateway: Gateway, upstream: Upstream, body: dict[str, Any], status: int
) -> None:
    upstream.answer({"error": "no such model"}, status="404 Not Found")
    reply = page_gateway.post(CHAT, body, origin=ORIGIN)
    assert (reply.status, reply.error["type"]) == (status, "invalid_request_error")
    assert reply.headers[ALLOW_ORIGIN] == ORIGIN


def test_an_error_of_envoys_own_can_be_read(upstream: Upstream, tmp_path: Path) -> None:
    with cors.gateway(tmp_path, upstream, ORIGIN) as running:
        running.translator.stop()
        reply = running.post(CHAT, HELLO, origin=ORIGIN)
    assert (reply.status, reply.error["type"]) == (503, "server_error")
    assert reply.headers[ALLOW_ORIGIN] == ORIGIN


def test_pages_of_other_origins_cannot_read(page_gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hi"))
    reply = page_gateway.post(CHAT, HELLO, origin=OTHER)
    assert ALLOW_ORIGIN not in reply.headers


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_pages_cannot_post_without_a_preflight_request(
    page_gateway: Gateway, upstream: Upstream, kind: str
) -> None:
    """These are types that a browser posts to other origins without asking before, as none is."""
    reply = page_gateway.post(CHAT, HELLO, origin=OTHER, content_type=kind)
    assert reply.status == 415
    assert upstream.received == []
