"""Chat completions through real Envoy, before a scripted model server."""

from tests import oip
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Upstream

HELLO = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}


def test_unary(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer(oip.answer("Hi there"))
    reply = gateway.post("/v1/chat/completions", HELLO)
    assert reply.status == 200
    assert reply.json["choices"][0]["message"]["content"] == "Hi there"
