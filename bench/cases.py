"""The contenders of a scenario, running.

    load ──▶ gateway Envoy ──▶ model server            load ──▶ peer ──▶ model server
               │    ▲
               ▼    │ ext_proc
           the filter, or the no-op server

All contenders run for the whole scenario, each with its own gateway; only one is under load at a
time.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench import client, servers
from bench.contenders import FILTERS, NO_FILTER, NOOP, NOOP_3
from bench.exchange import Exchange
from bench.load import Request
from bench.peers import PEERS, Peer
from bench.results import BenchError
from bench.scenarios import Scenario
from demo import stack

_VARYING = re.compile(rb'"(id|created)":("[^"]*"|\d+)')
_PEERS = {peer.name: peer for peer in PEERS}


class Question(NamedTuple):
    """A request, and a check of its response."""

    request: Request
    good: Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Case:
    """A contender to put under load.

    Attributes:
        contender: its name.
        port: the loopback port for requests.
        questions: the requests.
        envoy: process id of its gateway; None without one.
        python: process id of the filter, the no-op server or the proxy; None without one.
    """

    contender: str
    port: int
    questions: Sequence[Question]
    envoy: int | None
    python: int | None

    def verify(self) -> None:
        """Send each request once, and check the responses.

        Raises:
            BenchError: a response is wrong.
        """
        for request, good in self.questions:
            answer = client.ask(self.port, request)
            if not good(answer):
                msg = f"{self.contender}: wrong response: {answer[:1000]!r}"
                raise BenchError(msg)


def available(scenario: Scenario) -> Sequence[str]:
    """The contenders of the scenario; of the peers only those that are installed."""
    peers = [peer for peer in PEERS if scenario.peers in peer.scenarios and peer.installed()]
    return [*scenario.contenders, *(peer.name for peer in peers)]


@contextmanager
def running(scenario: Scenario, names: Sequence[str], folder: Path) -> Iterator[list[Case]]:
    """Start all servers; yields the cases; stops all servers at the end.

    Args:
        scenario: the scenario.
        names: some of those from :func:`available`.
        folder: for configurations and logs.

    Raises:
        StackError: a process does not start.
    """
    exchanges = scenario.exchanges()
    answers = {exchange.oip_path: exchange.oip_response for exchange in exchanges}
    for name in names:
        if name in _PEERS:
            answers |= _PEERS[name].answers
    http = stack.free_port()
    with ExitStack() as started:
        started.enter_context(servers.model_server(http, answers, folder))
        yield [
            _peer(_PEERS[name], exchanges, http, folder, started)
            if name in _PEERS
            else _gateway(name, scenario, exchanges, http, folder, started)
            for name in names
        ]


def _gateway(  # noqa: PLR0913, PLR0917 -- each is one fact about a case
    name: str,
    scenario: Scenario,
    exchanges: Sequence[Exchange],
    http: int,
    folder: Path,
    started: ExitStack,
) -> Case:
    port, worker = stack.free_port(), stack.free_port()
    config = servers.gateway(port=port, http=http, worker=worker)
    if name == NO_FILTER:
        servers.remove_filter(config)
    if name == NOOP_3:
        servers.hide_request_headers(config, exchanges[0].oip_path)
    python = None
    if name in {NOOP, NOOP_3}:
        python = started.enter_context(servers.noop_server(worker, exchanges, folder))
    elif name != NO_FILTER:
        options = FILTERS.get(name, ())
        python = started.enter_context(stack.translator(worker, folder, *options))
    envoy = started.enter_context(servers.envoy(f"gateway-{port}", config, folder))
    translated = name in {*FILTERS, NOOP, NOOP_3}
    questions = [_openai(one) if translated else _oip(one) for one in exchanges]
    if scenario.plain:
        questions.append(_oip(exchanges[0]))
    return Case(
        name,
        port,
        questions,
        envoy.pid,
        python.pid if python and translated else None,
    )


def _peer(
    peer: Peer, exchanges: Sequence[Exchange], http: int, folder: Path, started: ExitStack
) -> Case:
    port = stack.free_port()
    server = started.enter_context(peer.server(port, http, folder))
    questions = [
        Question(Request(one.openai_path, one.openai_request), partial(_holds, one.proof))
        for one in exchanges
    ]
    return Case(peer.name, port, questions, None, server.pid)


def _openai(exchange: Exchange) -> Question:
    expected = exchange.translated.complete([exchange.oip_response]).body
    good = partial(_equals, _constant(expected))
    return Question(Request(exchange.openai_path, exchange.openai_request), good)


def _oip(exchange: Exchange) -> Question:
    good = partial(_equals, _constant(exchange.oip_response))
    return Question(Request(exchange.oip_path, exchange.translated.request.body), good)


def _equals(expected: bytes, answer: bytes) -> bool:
    return _constant(answer) == expected


def _holds(proof: bytes, answer: bytes) -> bool:
    return proof in answer


def _constant(answer: bytes) -> bytes:
    """The response with its id and time replaced by their lengths, to compare responses."""
    return _VARYING.sub(lambda found: b'"%b":%d' % (found[1], len(found[2])), answer)
