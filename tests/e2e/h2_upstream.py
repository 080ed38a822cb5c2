"""A scripted model server that speaks HTTP/2, whose responses can end with trailers."""

import socket
import socketserver
import threading
from contextlib import suppress

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded, StreamReset

from tests.e2e.upstream import Gate

Part = bytes | Gate | dict[str, str]
"""A piece of a body, a gate before the next part, or trailers, which end the response."""


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


class H2Upstream:
    """The server. Every request gets the response that is scripted then.

    Attributes:
        port: where it listens.
        kind: the content-type of the response.
        parts: the response. What stands before a gate is sent at once, in one piece; one that
            does not end in trailers ends with an empty piece.
        received: the requests' bodies.
    """

    def __init__(self) -> None:
        self.kind = "text/event-stream"
        self.parts: tuple[Part, ...] = ()
        self.received: list[bytes] = []
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    outer._serve(self.request)

        self._server = _Server(("127.0.0.1", 0), Handler)
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

    def _serve(self, wire: socket.socket) -> None:
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        body = b""
        while True:
            wire.sendall(connection.data_to_send())
            data = wire.recv(65536)
            if not data:
                return
            for event in connection.receive_data(data):
                if isinstance(event, DataReceived):
                    body += event.data
                elif isinstance(event, StreamEnded):
                    self.received.append(body)
                    body = b""
                    self._respond(wire, connection, event.stream_id)
                elif isinstance(event, StreamReset):
                    return

    def _respond(self, wire: socket.socket, connection: H2Connection, stream: int) -> None:
        connection.send_headers(stream, [(":status", "200"), ("content-type", self.kind)])
        for part in self.parts:
            if isinstance(part, bytes):
                connection.send_data(stream, part)
            elif isinstance(part, Gate):
                wire.sendall(connection.data_to_send())
                part.wait(30)
            else:
                connection.send_headers(stream, list(part.items()), end_stream=True)
                return
        connection.end_stream(stream)
