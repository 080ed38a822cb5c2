"""The load generator in Python, against a real server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from bench import client
from bench.cases import Case, Question
from bench.load import LoadError, Request
from bench.results import BenchError


class Server(ThreadingHTTPServer):
    """Answers with the body that it was sent; remembers what that was, and from which port."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.asked: list[tuple[int, str, bytes, str | None]] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 10
    quiet: ClassVar[bool] = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append(
            (self.client_address[1], self.path, body, self.headers["content-type"])
        )
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        assert self.quiet


@contextmanager
def serving(status: int = 200) -> Iterator[tuple[Server, int]]:
    with Server(status) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield server, server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


REQUESTS = [Request("/a", b"1"), Request("/b", b"22")]


def test_requests_are_sent_in_turn_on_each_connection() -> None:
    with serving() as (server, port):
        run = client.post(port, REQUESTS, connections=2, seconds=0.2)
    assert run.requests == len(server.asked)
    assert 0 < run.p50 <= run.p99 <= run.seconds
    clients = {own for own, *_ in server.asked}
    assert len(clients) == 2
    firsts = set()
    for client_port in clients:
        asked = [Request(path, body) for own, path, body, _ in server.asked if own == client_port]
        firsts.add(asked[0])
        turns = REQUESTS if asked[0] == REQUESTS[0] else REQUESTS[::-1]
        assert asked == [turns[number % 2] for number in range(len(asked))]
    assert firsts == set(REQUESTS)
    assert {header for *_, header in server.asked} == {"application/json"}


def test_requests_in_progress_are_completed() -> None:
    with serving() as (_, port):
        run = client.post(port, REQUESTS[:1], connections=3, seconds=0)
    assert run.requests == 3


@pytest.mark.parametrize("status", [201, 404, 500])
def test_any_status_but_200_is_an_error(status: int) -> None:
    with serving(status) as (_, port), pytest.raises(LoadError, match=f"status {status}: b'1'"):
        client.post(port, REQUESTS, connections=1, seconds=0.2)


def test_a_refused_connection_is_an_error() -> None:
    with serving() as (_, port):
        pass
    with pytest.raises(LoadError, match="ConnectionRefused"):
        client.ask(port, REQUESTS[0])


def test_a_wrong_response_is_detected() -> None:
    with serving() as (server, port):
        right = Question(REQUESTS[0], lambda answer: answer == b"1")
        wrong = Question(REQUESTS[1], lambda answer: answer == b"1")
        Case("filter", port, [right], None, None).verify()
        with pytest.raises(BenchError, match="filter: wrong response: b'22'"):
            Case("filter", port, [right, wrong], None, None).verify()
    assert [body for _, _, body, _ in server.asked] == [b"1", b"1", b"22"]
