"""An HTTP port for operators: health, metrics, settings, version.

========== ========================================================
/healthz   200 while the process lives
/readyz    200 while it accepts exchanges, 503 before and while it drains
/metrics   Prometheus's text format
/config    the current settings, as JSON
/version   the version, as JSON
========== ========================================================

It runs in its own thread, so that a busy process still responds.
"""

import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from translator import __version__
from translator.transport.errors import ListenError

logger = logging.getLogger(__name__)

Page = Callable[[], tuple[int, str, bytes]]
"""Returns status, content type and body."""

TEXT, JSON = "text/plain; charset=utf-8", "application/json"

ALIVE: Mapping[str, Page] = {
    "/healthz": lambda: (200, TEXT, b"alive\n"),
    "/version": lambda: (200, JSON, json.dumps({"version": __version__}).encode()),
}
"""The pages that are the same for every process."""


def metrics_page(render: Callable[[], bytes]) -> Page:
    """A page of the metrics that ``render`` returns in Prometheus's text format."""
    return lambda: (200, "text/plain; version=0.0.4; charset=utf-8", render())


def no_metrics() -> tuple[int, str, bytes]:
    """The metrics page if the library is missing."""
    return 501, TEXT, b"metrics need the extra: pip install 'oip-translator[metrics]'\n"


_CLOSING = 0.05  # seconds between checks for the end


class Admin:
    """The HTTP server.

    Args:
        address: ``host:port`` to listen on.
        pages: by path.

    Raises:
        ListenError: the address cannot be bound.
    """

    def __init__(self, address: str, pages: Mapping[str, Page]) -> None:
        host, _, port = address.rpartition(":")
        try:
            self._server = _Server((host.strip("[]"), int(port)), _handler(pages))
        except OSError as error:
            msg = f"cannot listen on {address}: {error.strerror}"
            raise ListenError(msg) from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_CLOSING,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a slow reader does not delay the exit of the process

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def handle_error(self, *_: object) -> None:
        """Log the error, unless the client has disconnected."""
        error = sys.exception()
        if not isinstance(error, OSError):
            logger.error("an admin request failed", exc_info=error)


def _handler(pages: Mapping[str, Page]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds for a client to send its request

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            status, kind, body = (404, "text/plain", b"not found\n") if page is None else page()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing: probes come every few seconds."""

    return Handler
