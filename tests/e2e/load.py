"""A steady load of chat requests and streams, and the model server that answers it.

Every answer says which question it is to, so that it can be held against that, to the byte.
"""

import asyncio
import http.client
import io
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests import oip

_NO_USAGE = b'"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}'
RATE = 50  # whole answers asked for in a second
THINKING = 0.4  # seconds that a whole answer takes, so that some are under way at any time
STREAMS = 20  # open at any time
EVENT_INTERVAL = 0.1  # seconds from one event of a stream to the next


@dataclass
class Exchange:
    """A request, and what came back for it.

    Attributes:
        number: its place among all, and its x-request-id.
        events: how many it asks for; 0 for a whole answer.
        received: the HTTP response, as far as it came.
        ended: whether nothing more will come.
    """

    number: int
    events: int
    received: bytearray = field(default_factory=bytearray)
    ended: bool = False

    @property
    def reply(self) -> tuple[int, bytes, bool]:
        """The status, the body without the time in it, and whether that is there to its end."""
        response = http.client.HTTPResponse(_Received(self.received))  # type: ignore[arg-type] # enough of one
        response.begin()
        try:
            body, complete = response.read(), True
        except http.client.IncompleteRead as error:
            body, complete = error.partial, False
        return response.status, re.sub(rb'"created":\d+', b'"created":0', body), complete

    @property
    def expected(self) -> bytes:
        """The body that it should get."""
        if not self.events:
            message = {"role": "assistant", "content": _content(self.number, 0), "refusal": None}
            whole = _completion("chat.completion", "message", message, "stop")
            return whole[:-1] + b"," + _NO_USAGE + b"}"
        deltas: list[Any] = [{"content": _content(self.number, n)} for n in range(self.events)]
        deltas[0] = {"role": "assistant", **deltas[0], "refusal": None}
        finish_reasons = [None] * self.events + ["stop"]
        documents = [
            _completion("chat.completion.chunk", "delta", delta, reason)
            for delta, reason in zip([*deltas, {}], finish_reasons, strict=True)
        ]
        return b"".join(b"data: %b\n\n" % data for data in (*documents, b"[DONE]"))

    @property
    def whole(self) -> bool:
        """Whether it got that."""
        return self.reply == (200, self.expected, True)


class Load:
    """What is sent to one port; started and stopped by :func:`load`."""

    def __init__(self, port: int, group: asyncio.TaskGroup, events: int) -> None:
        self.exchanges: list[Exchange] = []
        self._port = port
        self._group = group
        self._events = events
        self._stopped = False
        group.create_task(self._ask())
        for _ in range(STREAMS):
            group.create_task(self._listen())

    @property
    def ended(self) -> int:
        """How many exchanges have ended, well or badly."""
        return sum(exchange.ended for exchange in self.exchanges)

    @property
    def broken(self) -> list[Exchange]:
        """Those that have ended badly."""
        return [each for each in self.exchanges if each.ended and not each.whole]

    def stop(self) -> None:
        """Begin no further exchange."""
        self._stopped = True

    async def _ask(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        while not self._stopped:
            self._group.create_task(self._exchange(0))
            due += 1 / RATE
            await asyncio.sleep(due - clock())

    async def _listen(self) -> None:
        while not self._stopped:
            # Of different lengths, so that they do not all begin and end together.
            await self._exchange(self._events // 2 + len(self.exchanges) % self._events)

    async def _exchange(self, events: int) -> None:
        exchange = Exchange(len(self.exchanges), events)
        self.exchanges.append(exchange)
        question = json.dumps([exchange.number, events])
        message = {"role": "user", "content": question}
        body = json.dumps({"model": "chat", "messages": [message], "stream": events > 0})
        head = (
            "POST /v1/chat/completions HTTP/1.1",
            "host: gateway",
            "connection: close",
            f"x-request-id: {exchange.number}",
            "content-type: application/json",
            f"content-length: {len(body)}",
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(_message(*head, body=body))
            with suppress(ConnectionResetError):
                while data := await reader.read(65536):
                    exchange.received += data
        finally:
            exchange.ended = True
            writer.close()


@asynccontextmanager
async def load(port: int, *, events: int = 10) -> AsyncIterator[Load]:
    """A load on the port of an Envoy, until the context is left and what is open then has ended.

    Args:
        port: on loopback.
        events: of a stream on average; it takes a tenth as many seconds.
    """
    async with asyncio.TaskGroup() as group:
        sent = Load(port, group, events)
        try:
            yield sent
        finally:
            sent.stop()


class Models:
    """The model server; started and stopped by :func:`models`.

    Attributes:
        port: where it listens, on loopback.
        asked: how often each exchange has arrived, by its number.
    """

    def __init__(self) -> None:
        self.port = 0
        self.asked: Counter[int] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            # Envoy closes it when it is idle, or when its client has gone.
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    (length,) = re.findall(rb"(?i)\r\ncontent-length: *(\d+)", head)
                    await self._answer(json.loads(await reader.readexactly(int(length))), writer)
        finally:
            writer.close()

    async def _answer(self, request: Any, writer: asyncio.StreamWriter) -> None:
        (question,) = (each["data"][0] for each in request["inputs"] if each["name"] == "content")
        number, events = json.loads(question)
        self.asked[number] += 1
        if not events:
            await asyncio.sleep(THINKING)
            body = json.dumps(oip.answer(_content(number, 0)))
            head = ("content-type: application/json", f"content-length: {len(body)}")
            writer.write(_message("HTTP/1.1 200 OK", *head, body=body))
            return
        head = ("content-type: text/event-stream", "transfer-encoding: chunked")
        writer.write(_message("HTTP/1.1 200 OK", *head))
        for n in range(events):
            event = f"data: {json.dumps(oip.answer(_content(number, n)))}\n\n"
            writer.write(f"{len(event):x}\r\n{event}\r\n".encode())
            await writer.drain()
            await asyncio.sleep(EVENT_INTERVAL)
        writer.write(b"0\r\n\r\n")


@asynccontextmanager
async def models() -> AsyncIterator[Models]:
    """A model server on a port of its own."""
    made = Models()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


class _Received:
    """What HTTPResponse needs of a socket."""

    def __init__(self, data: bytes | bytearray) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def _message(*head: str, body: str = "") -> bytes:
    return "\r\n".join([*head, "", body]).encode()


def _content(number: int, event: int) -> str:
    return f"{number}.{event} "


def _completion(kind: str, key: str, said: Any, finish_reason: str | None) -> bytes:
    head = {"object": kind, "id": "chatcmpl-4f5c", "created": 0, "model": "chat"}
    choice = {"index": 0, key: said, "finish_reason": finish_reason, "logprobs": None}
    return json.dumps({**head, "choices": [choice]}, separators=(",", ":")).encode()
