"""What answers for the pipelines of a mesh: Seldon's pipeline gateway, as it behaves.

It turns JSON into protobuf, and what that has no room for is refused or lost. Each pipeline has one
step here, and no Kafka.
"""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from tests.mesh import wire
from tests.mesh.wire import Fields, Request

_PATH = re.compile(r"/v2/(models|pipelines)/[^/]+/infer")
_TEXT = ("content-type", "text/plain; charset=utf-8")  # Go's guess, for JSON too
_AS_TEXT = ("str", "datetime")


class Step(NamedTuple):
    """The model that a pipeline asks.

    Attributes:
        server: its port.
        model: its name there.
    """

    server: int
    model: str


class PipelineGateway(wire.Server):
    """The gateway.

    Args:
        steps: of each pipeline, by its name.

    Attributes:
        received: the requests as they came.
        asked: the bodies that steps were sent.
    """

    def __init__(self, steps: Mapping[str, Step]) -> None:
        super().__init__(self._answer)
        self._steps = steps
        self.reset()

    def reset(self) -> None:
        """Forget what has been."""
        self.received: list[Request] = []
        self.asked: list[Any] = []

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.received.append(request)
        status, body = await self._infer(request)
        told = {name: value for name, value in request.fields if name.startswith("x-")}
        told = {"x-request-id": uuid4().hex, **told, "x-pipeline-version": "1"}
        fields: Fields = [*told.items(), *([_TEXT] if body else [])]
        await wire.send(writer, wire.said(status, fields, body))

    async def _infer(self, request: Request) -> tuple[str, bytes]:
        if not _PATH.fullmatch(request.path):
            return "404 Not Found", b"404 page not found\n"
        try:
            document = _to_proto(json.loads(request.body))
        except ValueError:
            return "400 Bad Request", b""
        step = self._steps[request.last("seldon-internal-model").removesuffix(".pipeline")]
        self.asked.append(document)
        fields = [("content-type", "application/json")]
        path, body = f"/v2/models/{step.model}/infer", json.dumps(document).encode()
        try:
            async with wire.ask(step.server, Request("POST", path, fields, body)) as answer:
                body = await wire.whole(answer)
        except (OSError, EOFError):
            return "500 Internal Server Error", b""
        if answer.code != 200:
            return "400 Bad Request", f"{step.model} : ".encode() + body
        return "200 OK", json.dumps(_from_proto(json.loads(body))).encode()


def _to_proto(document: Any) -> Any:
    """What is left of a request. Raises ValueError for what there is no place for."""
    document.pop("id", None)
    for holder in (document, *document["inputs"], *document.get("outputs", ())):
        given = holder.get("parameters", {})
        holder["parameters"] = {name: _parameter(value) for name, value in given.items()}
    for tensor in document["inputs"]:
        if tensor["datatype"] != "BYTES":
            continue
        if tensor["shape"][:1] != [len(tensor["data"])]:
            raise ConnectionAbortedError  # as by a panic
        if not all(isinstance(element, str) for element in tensor["data"]):
            raise ValueError
    return document


def _parameter(value: Any) -> str | bool | int:
    match value:
        case str() | bool():
            return value
        case int() | float():
            return int(value)
    raise ValueError


def _from_proto(document: Any) -> Any:
    for tensor in document["outputs"]:
        kind = tensor.get("parameters", {}).get("content_type")
        if tensor["datatype"] == "BYTES" and kind not in _AS_TEXT:
            tensor["data"] = [b64encode(text.encode()).decode() for text in tensor["data"]]
    return document
