"""A mixed load on the demo's models: valid requests, invalid requests, and disconnects.

Each visitor is a thread that sends one kind of request, reads the response or its beginning, and
pauses. Errors are expected, so a visitor accepts any response.
"""

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

_JSON = {"content-type": "application/json"}
_SHORT = "What is the capital of Romania?"
_LONG = "Go on with this story: a fox, a bear and a boy walked to the sea. It was very far. " * 4


@dataclass(frozen=True)
class Visitor:
    """One kind of request, sent repeatedly.

    Attributes:
        operation: the OpenAI operation.
        body: the request, sent as JSON; a string is sent unchanged.
        pause: the average seconds between a response and the next request.
        lines: the lines of the response to read before disconnecting; None for all.
        begin: the start, as a share of the run.
        end: the end, as a share of the run.
    """

    operation: str
    body: dict[str, Any] | str
    pause: float
    lines: int | None = None
    begin: float = 0.0
    end: float = 1.0


def _chat(model: str, text: str, tokens: int, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": model, "messages": messages, "max_completion_tokens": tokens, **more}


_STREAM = {"stream": True}
_COUNTED = {"stream": True, "stream_options": {"include_usage": True}}
_PICTURE = {"model": "openai-images", "prompt": "A beach in Costa Rica"}
VISITORS = (
    Visitor("chat/completions", _chat("openai-chat", _SHORT, 16), 5),
    Visitor("chat/completions", _chat("chatgpt", _SHORT, 16), 6),
    Visitor("chat/completions", _chat("openai-chat", _SHORT, 32, **_COUNTED), 4),
    Visitor("chat/completions", _chat("openai-chat", _LONG, 24, **_COUNTED), 6),
    Visitor("chat/completions", _chat("chatgpt", _SHORT, 24, **_STREAM), 6),
    Visitor("embeddings", {"model": "openai-embeddings", "input": [_SHORT, _LONG]}, 4),
    Visitor("embeddings", {"model": "openai-embeddings", "input": _SHORT}, 1),
    Visitor("images/generations", {**_PICTURE, "size": "512x512"}, 2),
    # The peak.
    Visitor("chat/completions", _chat("openai-chat", _LONG, 32, **_COUNTED), 2, None, 0.25, 0.7),
    Visitor("chat/completions", _chat("openai-chat", _SHORT, 24), 2, None, 0.3, 0.65),
    Visitor("chat/completions", _chat("chatgpt", _SHORT, 24, **_STREAM), 2, None, 0.35, 0.6),
    Visitor("embeddings", {"model": "openai-embeddings", "input": _SHORT}, 1, None, 0.3, 0.65),
    # Invalid requests.
    Visitor("chat/completions", _chat("gpt-9", _SHORT, 16), 6),
    Visitor("chat/completions", _chat("openai-chat", _SHORT, 16, temperature=9), 8),
    Visitor("chat/completions", _chat("openai-chat", _LONG * 40, 16), 12),
    Visitor("embeddings", '{"model": ', 10),
    # Clients that disconnect.
    Visitor("chat/completions", _chat("openai-chat", _LONG, 64, **_STREAM), 6, 12),
)


@contextmanager
def running(port: int, seconds: float) -> Iterator[None]:
    """Run the visitors for ``seconds``, or until the context is left.

    Args:
        port: the loopback port of Envoy.
        seconds: the duration of the run.
    """
    stop = threading.Event()
    threads = [
        threading.Thread(target=_visit, args=(visitor, number, port, seconds, stop))
        for number, visitor in enumerate(VISITORS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _visit(visitor: Visitor, number: int, port: int, seconds: float, stop: threading.Event) -> None:
    chance = random.Random(number)  # noqa: S311 -- the same pauses in every run
    begun = time.monotonic()
    pause = visitor.begin * seconds
    while not stop.wait(pause) and time.monotonic() - begun < visitor.end * seconds:
        # If the worker is killed, there is no response, or only a part.
        with suppress(OSError, HTTPException):
            _ask(visitor, port)
        pause = chance.expovariate(1 / visitor.pause)


def _ask(visitor: Visitor, port: int) -> None:
    body = visitor.body if isinstance(visitor.body, str) else json.dumps(visitor.body)
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("POST", f"/v1/{visitor.operation}", body, _JSON)
        response = connection.getresponse()
        if visitor.lines is None:
            response.read()
            return
        for _ in range(visitor.lines):
            response.readline()
