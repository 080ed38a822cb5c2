"""A model of MLServer that raises an exception does not fail the requests of others.

MLServer then closes the connection after its response, without having said so, and Envoy may send
the next request on it: docs/deployment.md.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from demo import stack
from tests.e2e.conftest import Gateway

RUNTIME = """\
from mlserver import MLModel
from mlserver.types import InferenceResponse, ResponseOutput

COUNTS = {"raises": 0, "counts": 0}


class Model(MLModel):
    async def predict(self, payload):
        COUNTS[self.name] += 1
        if self.name == "raises":
            raise RuntimeError("an exception of a model")
        texts = {"role": "assistant", "content": str(COUNTS)}
        outputs = [
            ResponseOutput(name=name, datatype="BYTES", shape=[1, 1], data=[text])
            for name, text in texts.items()
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)
"""
REQUESTS = 100  # of each model: without the option, about one in twenty fails


@contextmanager
def running(folder: Path) -> Iterator[Gateway]:
    """The gateway before both models, with a connection to the model server for each request."""
    models = folder / "models"
    for name in ("raises", "counts"):
        (models / name).mkdir(parents=True)
        settings = {"name": name, "implementation": "exceptional.Model"}
        (models / name / "model-settings.json").write_text(json.dumps(settings))
        (models / name / "exceptional.py").write_text(RUNTIME)
    shutil.copy(stack.MODELS / "settings.json", models)
    http, grpc, worker = stack.free_port(), stack.free_port(), stack.free_port()
    port, admin = stack.free_port(), stack.free_port()
    config = stack.gateway_config(
        port=port, admin=admin, http=http, grpc=grpc, translators=[worker]
    )
    cluster = config["static_resources"]["clusters"][0]
    (protocol,) = cluster["typed_extension_protocol_options"].values()
    protocol["common_http_protocol_options"]["max_requests_per_connection"] = 1
    with (
        stack.mlserver(http, grpc, folder, models=models),
        stack.translator(worker, folder) as translator,
        stack.envoy(config, folder) as envoy,
    ):
        yield Gateway(port, admin, worker, envoy, translator)


def statuses(gateway: Gateway, model: str) -> Counter[int]:
    """The statuses of many requests, one after the other."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    path = "/v1/chat/completions"
    return Counter(gateway.post(path, body).status for _ in range(REQUESTS))


def test_exceptions_of_one_model_do_not_fail_requests_of_another(tmp_path: Path) -> None:
    with running(tmp_path) as gateway, ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda model: statuses(gateway, model), ("raises", "counts")))
        assert found == [{500: REQUESTS}, {200: REQUESTS}]
        body = {"model": "counts", "messages": [{"role": "user", "content": "Hello"}]}
        said = gateway.post("/v1/chat/completions", body).json["choices"][0]["message"]["content"]
    assert said == str({"raises": REQUESTS, "counts": REQUESTS + 1}), "no inference ran twice"
