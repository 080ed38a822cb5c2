"""Our gateway before a mesh: its Envoy, its agents and its pipeline gateway, and real MLServer."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo import stack
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Upstream
from tests.mesh.agent import Agent
from tests.mesh.pipelines import PipelineGateway, Step
from tests.mesh.scheduler import Experiment, Mesh, Model, envoy_config
from tests.mlserver import IN_A_MESH, ModelServer

CHAT = "/v1/chat/completions"

SOON = 0.01
"""Seconds of back-off where they are not what a test is about."""

SETTINGS = """
seldon_mesh = true

[models]
chain = {contract = "seldon-pipeline"}
packed = {contract = "seldon-pipeline"}
gone = {contract = "seldon-pipeline"}
"""


@dataclass(frozen=True)
class Bed:
    """All that runs.

    Attributes:
        port: of the mesh.
        mlserver: the agent before it.
        script: a model server that says what it is told to.
        scripted: the agent before that.
        pipelines: ``chain`` asks MLServer, ``packed`` and ``unnamed``, of which
            no setting speaks, the script, and ``gone`` nobody.
        gateway: ours, before the mesh.
        sticky: another of ours, which lets x-seldon-route pass.
    """

    port: int
    mlserver: Agent
    script: Upstream
    scripted: Agent
    pipelines: PipelineGateway
    gateway: Gateway
    sticky: Gateway


@pytest.fixture(scope="session")
def _bed(mlserver: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    folder = tmp_path_factory.mktemp("mesh")
    script = Upstream()
    script.start()
    with ExitStack() as running:
        running.callback(script.stop)
        agent = running.enter_context(Agent(mlserver.http))
        scripted = running.enter_context(Agent(script.port))
        steps = {
            "chain": Step(mlserver.http, "chatgpt_1"),
            "packed": Step(script.port, "inner_1"),
            "unnamed": Step(script.port, "inner_1"),
            "gone": Step(stack.free_port(), "inner_1"),
        }
        pipelines = running.enter_context(PipelineGateway(steps))
        mesh = Mesh(
            [
                *(Model(name, agent.port) for name in IN_A_MESH),
                *(Model(name, scripted.port) for name in ("scripted", "base", "other")),
                Model("updated", scripted.port, {2: 50, 3: 50}),
            ],
            [
                Experiment("split", {"base": 75, "other": 25}, default="base"),
                Experiment("two.chats", {"chatgpt": 50, "openai-chat": 50}),
            ],
            [*steps],
            pipelines.port,
            back_off=SOON,
        )
        port = run_mesh(running, folder, mesh)
        gateways = [
            run_gateway(running, folder / name, port, *options)
            for name, options in (("plain", []), ("sticky", ["--sticky-routes"]))
        ]
        yield Bed(port, agent, script, scripted, pipelines, *gateways)


@pytest.fixture
def bed(_bed: Bed) -> Bed:
    """All that runs, as if nothing had been asked yet."""
    _bed.script.reset()
    for part in (_bed.mlserver, _bed.scripted, _bed.pipelines):
        part.reset()
    return _bed


def run_mesh(running: ExitStack, folder: Path, mesh: Mesh) -> int:
    """Run the Envoy of a mesh; give its port."""
    port = stack.free_port()
    running.enter_context(
        stack.envoy(envoy_config(mesh, port=port, admin=stack.free_port()), folder)
    )
    return port


def run_gateway(running: ExitStack, folder: Path, mesh: int, *options: str) -> Gateway:
    """Run our gateway before a mesh."""
    folder.mkdir()
    settings = folder / "settings.toml"
    settings.write_text(SETTINGS)
    options = (f"--config={settings}", *options)
    parts = stack.gateway(folder, http=mesh, grpc=mesh, options=options)
    return Gateway(*running.enter_context(parts))


def ask(model: str, **fields: Any) -> dict[str, Any]:
    """A chat request."""
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}


def until(true: Callable[[], bool]) -> None:
    """Wait for something that is on its way."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def chunks(events: bytes) -> list[Any]:
    """The documents of a stream, whose end must be there."""
    assert events.endswith(b"data: [DONE]\n\n")
    return [json.loads(event[6:]) for event in events.split(b"\n\n")[:-2]]


def texts(events: bytes) -> list[str]:
    """The contents of a stream's deltas."""
    contents = [
        choice["delta"].get("content") for chunk in chunks(events) for choice in chunk["choices"]
    ]
    return [content for content in contents if content]
