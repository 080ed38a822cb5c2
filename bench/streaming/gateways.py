"""The running contenders for streams: a gateway for each, all before the same model server."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import servers
from bench.contenders import ENVOY, FILTERS, NOOP
from bench.streaming import events
from bench.streaming.load import Target
from demo import stack

CONTENDERS = (*FILTERS, NOOP, ENVOY)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A contender to put under load.

    Attributes:
        contender: its name.
        target: the target of streams.
        envoy: process id of its Envoy.
        python: process id of its ext_proc server; None without one.
    """

    contender: str
    target: Target
    envoy: int
    python: int | None


@contextmanager
def running(contenders: Sequence[str], folder: Path) -> Iterator[list[Gateway]]:
    """Start the contenders; yields them; stops them. They share one model server, the load process.

    Args:
        contenders: some of :data:`CONTENDERS`.
        folder: for configurations and logs.

    Raises:
        StackError: a process does not start.
    """
    upstream = stack.free_port()
    with ExitStack() as started:
        yield [_start(name, upstream, folder, started) for name in contenders]


def _start(contender: str, upstream: int, folder: Path, started: ExitStack) -> Gateway:
    port, worker = stack.free_port(), stack.free_port()
    config = servers.gateway(port=port, http=upstream, worker=worker)
    name = f"streams-{contender.replace(' ', '-')}"
    python = None
    if contender != ENVOY:  # without a filter process: its path does not use the filter
        python = started.enter_context(_server(contender, worker, folder)).pid
    envoy = started.enter_context(servers.envoy(name, config, folder))
    openai = contender != ENVOY
    target = Target(
        port=port,
        upstream=upstream,
        path=events.OPENAI_PATH if openai else events.OIP_PATH,
        body=events.STREAMED.openai_request if openai else events.STREAMED.translated.request.body,
        openai=openai,
        numbered=contender != NOOP,
    )
    return Gateway(contender, target, envoy.pid, python)


def _server(contender: str, port: int, folder: Path) -> stack.Server:
    if contender in FILTERS:
        return stack.translator(port, folder, *FILTERS[contender])
    return stack.Server(
        "The no-op server for streams",
        [sys.executable, "-m", "bench.streaming.noop", "--port", str(port)],
        log=folder / f"noop-{port}.log",
        ready=lambda: stack.accepts(port),
    )
