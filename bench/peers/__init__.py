"""Alternatives to the filter: proxies that terminate the client's connection.

    client ──▶ peer ──▶ model server

The first two use the filter's translation, so that only the transport of bodies differs. All are in
their own environment, .venv-peers, because LiteLLM has a hundred dependencies.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.peers import litellm_proxy, uvicorn_app
from demo import stack

HOW_TO_GET = "make peers"

CHAT, CHAT_STREAM = "chat", "chat stream"
EMBEDDINGS, EMBEDDINGS_BASE64 = "embeddings", "embeddings base64"
_ALL = frozenset({CHAT, CHAT_STREAM, EMBEDDINGS, EMBEDDINGS_BASE64})

Start = Callable[[int, int, Path], stack.Server]
"""Creates the server, given its loopback port, the model server's, and a folder for its files."""


@dataclass(frozen=True)
class Peer:
    """A proxy in one process, with OpenAI's API for clients and OIP for the model server.

    Attributes:
        name: the name in tables.
        server: creates it.
        scenarios: the kinds of scenarios that it supports.
        answers: responses of the model server that it needs besides OIP's: JSON by path.
    """

    name: str
    server: Start
    scenarios: frozenset[str] = _ALL
    answers: Mapping[str, bytes] = field(default_factory=dict)

    def installed(self) -> bool:
        """Whether its environment exists; :data:`HOW_TO_GET` says how to install it."""
        return PYTHON.exists()


PYTHON = stack.ROOT / ".venv-peers" / "bin" / "python"

PEERS = (
    Peer("FastAPI + httpx", partial(uvicorn_app.server, PYTHON, "over_httpx")),
    Peer("FastAPI + aiohttp", partial(uvicorn_app.server, PYTHON, "over_aiohttp")),
    Peer(
        "LiteLLM",
        partial(litellm_proxy.server, PYTHON),
        # It returns floats even if base64 was requested.
        frozenset({CHAT, CHAT_STREAM, EMBEDDINGS}),
        litellm_proxy.ANSWERS,
    ),
)
"""Each listens on loopback only and requires no key, like the filter."""
