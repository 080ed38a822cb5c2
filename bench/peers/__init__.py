"""What a user would pick instead of the filter: proxies that end the client's connection.

    client ──▶ peer ──▶ model server

The first two translate as the filter does, so that only the way of coming by the bodies differs.
All live in an environment of their own, .venv-peers, because LiteLLM brings a hundred packages.
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
"""Makes the server from its loopback port, the model server's, and a folder for its files."""


@dataclass(frozen=True)
class Peer:
    """A proxy of one process that speaks OpenAI's API in front and OIP behind.

    Attributes:
        name: for people.
        server: makes it.
        scenarios: what it does rightly.
        answers: JSON that it needs of the model server, by path, beside OIP's.
    """

    name: str
    server: Start
    scenarios: frozenset[str] = _ALL
    answers: Mapping[str, bytes] = field(default_factory=dict)

    def installed(self) -> bool:
        """Whether its environment is there; :data:`HOW_TO_GET` says how to get it."""
        return PYTHON.exists()


PYTHON = stack.ROOT / ".venv-peers" / "bin" / "python"

PEERS = (
    Peer("FastAPI + httpx", partial(uvicorn_app.server, PYTHON, "over_httpx")),
    Peer("FastAPI + aiohttp", partial(uvicorn_app.server, PYTHON, "over_aiohttp")),
    Peer(
        "LiteLLM",
        partial(litellm_proxy.server, PYTHON),
        # Asked for base64, it answers with floats.
        frozenset({CHAT, CHAT_STREAM, EMBEDDINGS}),
        litellm_proxy.ANSWERS,
    ),
)
"""Each listens on loopback only and asks for no key, as the filter does not."""
