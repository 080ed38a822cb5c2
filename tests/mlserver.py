"""Real MLServer, which serves the demo's models for all tests that need real ones."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo import stack

IN_A_MESH = (
    "chatgpt",
    "openai-chat",
    "openai-embeddings",
    "openai-images",
    "gpt-4.1",
    "my_model_2",
)
"""Models that are served under a mesh's names too: name and version. The first four are the demo's,
the others copies of the first."""


@dataclass(frozen=True)
class ModelServer:
    """The ports of a running MLServer."""

    http: int
    grpc: int


@contextmanager
def model_server(folder: Path) -> Iterator[ModelServer]:
    """Run MLServer, with its log and its models in a folder."""
    models = folder / "models"
    shutil.copytree(stack.MODELS, models)
    for name in IN_A_MESH:
        source = stack.MODELS / name if (stack.MODELS / name).exists() else stack.MODELS / "chatgpt"
        settings = json.loads((source / "model-settings.json").read_text())
        served = models / f"{name}_1"
        served.mkdir()
        settings |= {"name": served.name}
        (served / "model-settings.json").write_text(json.dumps(settings))
    ports = ModelServer(stack.free_port(), stack.free_port())
    with stack.mlserver(ports.http, ports.grpc, folder, models=models):
        yield ports
