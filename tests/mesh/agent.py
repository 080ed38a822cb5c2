"""What stands before each model server of a mesh: the REST proxy of Seldon's agent, as it behaves.

It knows a model by the header ``seldon-internal-model`` and puts that name into the path, loads a
model anew that answers 400 or 404 and asks once more, and has twenty connections to its server.
"""

import asyncio
import re
from collections import Counter
from uuid import uuid4

from tests.mesh import wire
from tests.mesh.wire import Answer, Request

CONNECTIONS = 20

_MODEL = re.compile(r"(/v2/models/)([\w-]+)(/versions/\w+)?(.*)$", re.ASCII)
_TRY_AGAIN = (400, 404)


class Agent(wire.Server):
    """The proxy.

    Args:
        server: the model server's port.

    Attributes:
        received: the requests as they came.
        calls: how often each path of the server was asked for.
        loads: how often each model was loaded.
        open: how many connections there are to the server.
    """

    def __init__(self, server: int) -> None:
        super().__init__(self._answer)
        self._server = server
        self._connections = asyncio.Semaphore(CONNECTIONS)
        self.open = 0
        self.reset()

    def reset(self) -> None:
        """Forget what has been."""
        self.received: list[Request] = []
        self.calls: Counter[str] = Counter()
        self.loads: Counter[str] = Counter()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.received.append(request)
        if "/infer" not in request.path:
            text = b"Failed to get path termination for request: no valid marker found in path\n"
            fields = [("content-type", "text/plain; charset=utf-8")]
            await wire.send(writer, wire.said("400 Bad Request", fields, text))
            return
        model = request.first("seldon-internal-model")
        inner = request._replace(path=_MODEL.sub(rf"\g<1>{model}\g<4>", request.path))
        if not await self._call(inner, writer, again=_TRY_AGAIN):
            await self._load(model)
            await self._call(inner, writer)

    async def _call(
        self, request: Request, writer: asyncio.StreamWriter, again: tuple[int, ...] = ()
    ) -> bool:
        """Ask the server and hand on its answer, unless its status is one to ask again for."""
        async with self._connections:
            self.calls[request.path] += 1
            self.open += 1
            try:
                async with wire.ask(self._server, request) as answer:
                    if answer.code in again:
                        return False
                    await wire.send(writer, _identified(answer, request))
                    return True
            finally:
                self.open -= 1

    async def _load(self, model: str) -> None:
        self.loads[model] += 1
        path = f"/v2/repository/models/{model}/load"
        async with wire.ask(self._server, Request("POST", path, [], b"")) as answer:
            await wire.whole(answer)  # whatever it says, the model is asked again


def _identified(answer: Answer, request: Request) -> Answer:
    if any(name == "x-request-id" for name, _ in answer.fields):
        return answer
    given = request.first("x-request-id") or uuid4().hex
    return answer._replace(fields=[*answer.fields, ("x-request-id", given)])
