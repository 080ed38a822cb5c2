"""The three cases: the filter, Envoy without it, and a filter that does nothing.

    wrk ──▶ gateway Envoy ──▶ model server
              │    ▲
              ▼    │ ext_proc
          the filter, or the no-op server

All of them run from the start to the end, and only one is under load at a time. Each Envoy has one
worker thread, so that a case is never spread over more cores than the others. The model server is
an Envoy too, one that answers with a constant: it costs little, and its CPU time is its own.
"""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench import samples, upstream
from demo import stack

FILTER, ENVOY, NOOP = "filter", "Envoy alone", "no-op"


class CaseError(RuntimeError):
    """A case does not answer as it should, so its numbers would mean nothing."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something to put under load.

    Attributes:
        name: for people.
        url: where requests go.
        body: what they carry.
        envoy: process number of the gateway's Envoy.
        python: process number of the server behind ext_proc; None where there is none.
    """

    name: str
    url: str
    body: bytes
    envoy: int
    python: int | None


@contextmanager
def running(folder: Path) -> Iterator[list[Case]]:
    """Start everything; give the cases; stop everything.

    Args:
        folder: takes configurations and logs.

    Raises:
        StackError: a process does not start.
    """
    http, filtering, idling = (stack.free_port() for _ in range(3))
    with ExitStack() as started:
        started.enter_context(
            _envoy("upstream", upstream.config(port=http, admin=stack.free_port()), folder)
        )
        translator = started.enter_context(stack.translator(filtering, folder))
        noop = started.enter_context(_noop(idling, folder))
        with_filter, filter_envoy = _gateway("filter", http, filtering, folder)
        with_noop, noop_envoy = _gateway("noop", http, idling, folder)
        started.enter_context(filter_envoy)
        started.enter_context(noop_envoy)
        ask, oip = samples.OPENAI_PATH, samples.OIP_PATH
        body = samples.OPENAI_REQUEST
        yield [
            Case(FILTER, with_filter + ask, body, filter_envoy.pid, translator.pid),
            # The same listener: the route for plain OIP leaves the filter off.
            Case(ENVOY, with_filter + oip, samples.OIP_REQUEST, filter_envoy.pid, None),
            Case(NOOP, with_noop + ask, body, noop_envoy.pid, noop.pid),
        ]


def verify(cases: Sequence[Case]) -> None:
    """Ask each case once.

    Raises:
        CaseError: one does not answer 200 in its own dialect, or the answers of the filter and of
            the no-op server differ in size.
    """
    answers = {case.name: _ask(case) for case in cases}
    for name, answer in answers.items():
        document = json.loads(answer)
        if _content(document, openai=name != ENVOY) != samples.CONTENT:
            msg = f"{name}: not the answer it should give: {answer.decode()}"
            raise CaseError(msg)
    sizes = len(answers[FILTER]), len(answers[NOOP])
    if sizes[0] != sizes[1]:
        msg = f"the filter's answer has {sizes[0]} bytes, the no-op server's {sizes[1]}"
        raise CaseError(msg)


def _ask(case: Case) -> bytes:
    request = urllib.request.Request(  # noqa: S310 -- http on loopback
        case.url, case.body, {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 -- as above
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        msg = f"{case.name}: status {error.code}: {error.read().decode(errors='replace')}"
        raise CaseError(msg) from error


def _content(document: dict[str, Any], *, openai: bool) -> object:
    try:
        if openai:
            return document["choices"][0]["message"]["content"]
        tensors = {tensor["name"]: tensor["data"] for tensor in document["outputs"]}
        return tensors["content"][0]
    except (LookupError, TypeError):
        return None


def _gateway(name: str, http: int, worker: int, folder: Path) -> tuple[str, stack.Server]:
    """The base URL of envoy/gateway.yaml before a worker, and the Envoy that runs it."""
    port = stack.free_port()
    config = stack.gateway_config(
        port=port, admin=stack.free_port(), http=http, grpc=http, translators=[worker]
    )
    return f"http://127.0.0.1:{port}", _envoy(name, config, folder)


def _envoy(name: str, config: dict[str, Any], folder: Path) -> stack.Server:
    bootstrap = folder / f"{name}.yaml"
    bootstrap.write_text(yaml.safe_dump(config))
    admin = config["admin"]["address"]["socket_address"]["port_value"]
    argv = [str(stack.envoy_binary()), "-c", str(bootstrap), "--use-dynamic-base-id"]
    return stack.Server(
        f"Envoy ({name})",
        [*argv, "--concurrency", "1", "--log-level", "warning"],
        log=folder / f"{name}.log",
        ready=lambda: stack.answers(f"http://127.0.0.1:{admin}/ready"),
    )


def _noop(port: int, folder: Path) -> stack.Server:
    return stack.Server(
        "The no-op server",
        [sys.executable, "-m", "bench.noop", "--port", str(port)],
        log=folder / f"noop-{port}.log",
        ready=lambda: stack.accepts(port),
    )
