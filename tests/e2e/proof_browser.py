"""A real browser with openai-node: pages of one origin may call the gateway, others may not."""

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from demo import stack
from tests import oip
from tests.e2e import cors
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Gate, Upstream

MODULES = stack.ROOT / "tests" / "clients" / "node" / "node_modules"
SCRIPT = Path(__file__).with_name("page.mjs")
PAGE = b'<!doctype html><script type="module" src="/page.mjs"></script>'


class Pages:
    """A web server with the page and openai-node.

    Attributes:
        port: where it listens.
        begun: set when a page has the first event of its stream.
        found: what a page told.
    """

    def __init__(self) -> None:
        self.begun = Gate()
        self.found: dict[str, Any] = {}
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            extensions_map = {".mjs": "text/javascript"}  # noqa: RUF012 -- as its base has it

            def do_GET(self) -> None:
                """Give the page, its script, or a file of openai-node."""
                if self.path.startswith("/openai/"):
                    super().do_GET()
                    return
                script = self.path == "/page.mjs"
                self._reply(
                    SCRIPT.read_bytes() if script else PAGE,
                    "text/javascript" if script else "text/html",
                )

            def do_POST(self) -> None:
                """Take what a page tells."""
                told = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path == "/first":
                    outer.begun.set()
                else:
                    outer.found = told
                self._reply(b"", "text/plain")

            def _reply(self, body: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Be silent."""

        handler = partial(Handler, directory=str(MODULES))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def pages() -> Iterator[Pages]:
    """The web server."""
    server = Pages()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def page_gateway(pages: Pages, upstream: Upstream, tmp_path: Path) -> Iterator[Gateway]:
    """The gateway, for pages of that server by its address."""
    with cors.gateway(tmp_path, upstream, f"http://127.0.0.1:{pages.port}") as running:
        yield running


def visit(pages: Pages, host: str, gateway: Gateway, folder: Path) -> dict[str, Any]:
    """What the page finds when a browser opens it, by this name of its server."""
    program = shutil.which("chromium")
    assert program, "it takes Debian's package chromium: apt-get install chromium"
    options = (
        "--headless",
        "--no-sandbox",  # which root cannot have
        "--disable-background-networking",
        "--no-proxy-server",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        f"--user-data-dir={folder / 'browser'}",
    )
    url = f"http://{host}:{pages.port}/?gateway={gateway.url}/v1"
    log = folder / "browser.log"
    browser = stack.Server(
        "Chromium",
        [program, *options, url],
        log=log,
        ready=lambda: bool(pages.found),
        timeout=25,  # less than a gate waits: a stream that is held back must fail
    )
    with browser:
        return pages.found


def test_a_page_of_the_listed_origin(
    pages: Pages, page_gateway: Gateway, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.answer(oip.answer("Hi"))
    upstream.stream(oip.answer("Hel"), pages.begun, oip.answer("lo"))
    found = visit(pages, "127.0.0.1", page_gateway, tmp_path)
    assert found["whole"].pop("requestID")
    assert found["whole"] == {"content": "Hi"}
    assert found["streamed"] == {"seen": ["Hel", "lo", "stop"]}
    refused = found["refused"]
    assert (refused["error"], refused["status"], refused["param"]) == ("BadRequestError", 400, "n")
    assert refused["requestID"]


def test_a_page_of_another_origin(
    pages: Pages, page_gateway: Gateway, upstream: Upstream, tmp_path: Path
) -> None:
    found = visit(pages, "localhost", page_gateway, tmp_path)
    assert {each["error"] for each in found.values()} == {"APIConnectionError"}
    assert upstream.received == [], "the browser has asked before, and sent no request"
