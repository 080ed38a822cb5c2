"""A scripted model server: writes the bytes a test tells it to, and keeps what it was sent.

Real MLServer cannot be made to fail on cue; this one can, at any byte.
"""

import json
import socketserver
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Gate = threading.Event
"""Between two pieces of an answer: the second is not written before the test sets it."""


@dataclass
class Received:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass
class Script:
    """What to write to one request. ``abort``: cut the connection where a chunk should follow."""

    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Iterable[bytes | Gate] = ()
    chunked: bool = False
    abort: bool = False


class _Server(socketserver.ThreadingTCPServer):
    request_queue_size = 128  # with the 5 of the default, connections opened at once are lost


class Upstream:
    """The server. Scripts are used up in order; with none left, it answers 500."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.scripts: deque[Script] = deque()
        self.hung_up = threading.Event()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while outer._serve_one(self):
                    pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reset(self) -> None:
        """Forget what earlier tests scripted and received."""
        self.received.clear()
        self.scripts.clear()
        self.hung_up.clear()

    def answer(
        self,
        body: bytes | str | dict[str, Any],
        *,
        status: str = "200 OK",
        content_type: str | None = "application/json",
        **headers: str,
    ) -> None:
        """Script a whole answer with content-length."""
        if isinstance(body, dict):
            body = json.dumps(body)
        data = body.encode() if isinstance(body, str) else body
        head = {name.replace("_", "-"): value for name, value in headers.items()}
        if content_type:
            head["content-type"] = content_type
        self.scripts.append(Script(status, {**head, "content-length": str(len(data))}, [data]))

    def stream(
        self,
        *pieces: bytes | str | dict[str, Any] | Gate,
        abort: bool = False,
        content_type: str = "text/event-stream; charset=utf-8",
        **headers: str,
    ) -> None:
        """Script a chunked answer; a dict becomes one event."""
        head = {name.replace("_", "-"): value for name, value in headers.items()}
        head |= {"content-type": content_type, "transfer-encoding": "chunked"}
        data = [piece if isinstance(piece, Gate | bytes) else _event(piece) for piece in pieces]
        self.scripts.append(Script("200 OK", head, data, chunked=True, abort=abort))

    def _serve_one(self, handler: socketserver.StreamRequestHandler) -> bool:
        line = handler.rfile.readline()
        if not line:
            return False
        method, path, _ = line.decode().split(" ", 2)
        headers: dict[str, str] = {}
        while (line := handler.rfile.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("utf-8", "surrogateescape").partition(":")
            headers[name.lower()] = value.strip()
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(handler.rfile.readline(), 16):
                body += handler.rfile.read(size)
                handler.rfile.readline()
            handler.rfile.readline()
        else:
            body = handler.rfile.read(int(headers.get("content-length", "0")))
        self.received.append(Received(method, path, headers, body))
        script = self.scripts.popleft() if self.scripts else Script("500 Nothing Scripted")
        try:
            return self._play(script, handler)
        except OSError:
            self.hung_up.set()
            return False

    def _play(self, script: Script, handler: socketserver.StreamRequestHandler) -> bool:
        head = "".join(f"{name}: {value}\r\n" for name, value in script.headers.items())
        if not script.headers:
            head = "content-length: 0\r\n"
        handler.wfile.write(f"HTTP/1.1 {script.status}\r\n{head}\r\n".encode())
        for piece in script.pieces:
            if isinstance(piece, Gate):
                piece.wait(30)
            elif script.chunked and piece:
                handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            else:
                handler.wfile.write(piece)
        if script.abort:
            return False
        if script.chunked:
            handler.wfile.write(b"0\r\n\r\n")
        return True


def _event(piece: str | dict[str, Any]) -> bytes:
    text = piece if isinstance(piece, str) else f"data: {json.dumps(piece)}\n\n"
    return text.encode()
