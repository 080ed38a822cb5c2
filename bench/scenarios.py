"""The scenarios of the suite ``unary``, with their contenders."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import bodies
from bench.contenders import ENVOY, FILTERS, NO_FILTER, NOOP, NOOP_3
from bench.exchange import Exchange
from bench.peers import CHAT, EMBEDDINGS

_USUAL = (*FILTERS, NOOP, ENVOY)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of load.

    Attributes:
        name: the name in tables.
        exchanges: creates the exchanges, which are sent in turn.
        connections: the number of connections.
        contenders: the contenders.
        peers: the kind of scenario that peers (:mod:`bench.peers`) must support; "" for no peers.
        plain: whether the first exchange is also sent as plain OIP.
        large: whether requests are so few that those in progress at the end must be counted.
        main: whether it is measured without ``--full``.
    """

    name: str
    exchanges: Callable[[], Sequence[Exchange]]
    connections: int
    contenders: Sequence[str] = _USUAL
    peers: str = ""
    plain: bool = False
    large: bool = False
    main: bool = False


def _small() -> Sequence[Exchange]:
    return [bodies.small_chat()]


SCENARIOS: Sequence[Scenario] = (
    Scenario("chat 200 B, 16 connections", _small, 16, (*_USUAL, NOOP_3), peers=CHAT, main=True),
    Scenario("chat 200 B, 1 connection", _small, 1, (*_USUAL, NOOP_3), peers=CHAT, main=True),
    Scenario("chat 10 KB", lambda: [bodies.long_chat()], 16),
    Scenario("image 1 MB", lambda: [bodies.image_chat(1)], 2, large=True, main=True),
    Scenario("image 10 MB", lambda: [bodies.image_chat(10)], 1, large=True),
    Scenario("embeddings 1x384, float", lambda: [bodies.embeddings(1, 384)], 16, peers=EMBEDDINGS),
    Scenario("embeddings 1x384, base64", lambda: [bodies.embeddings(1, 384, base64=True)], 16),
    Scenario(
        "embeddings 64x1536, float",
        lambda: [bodies.embeddings(64, 1536)],
        2,
        large=True,
        main=True,
    ),
    Scenario(
        "embeddings 64x1536, base64",
        lambda: [bodies.embeddings(64, 1536, base64=True)],
        2,
        large=True,
    ),
    Scenario("embeddings 2048x1024, float", lambda: [bodies.embeddings(2048, 1024)], 1, large=True),
    Scenario(
        "embeddings 2048x1024, base64",
        lambda: [bodies.embeddings(2048, 1024, base64=True)],
        1,
        large=True,
    ),
    Scenario("plain OIP", _small, 16, (ENVOY, NO_FILTER), main=True),
    Scenario(
        "mixed: chat, embeddings, OIP",
        lambda: [bodies.small_chat(), bodies.embeddings(1, 384)],
        16,
        plain=True,
    ),
)
