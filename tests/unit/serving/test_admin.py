"""The admin port."""

import socket
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo import stack
from translator.serving.admin import Admin, Page
from translator.transport.errors import ListenError

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture
def admin() -> Iterator[Admin]:
    pages = {"/x": lambda: (200, "text/plain", b"yes"), "/no": lambda: (503, "text/plain", b"no")}
    server = Admin("127.0.0.1:0", pages)
    yield server
    server.close()


def get(admin: Admin, path: str) -> tuple[int, str, bytes]:
    try:
        with _direct.open(f"http://127.0.0.1:{admin.port}{path}", timeout=10) as reply:
            return reply.status, reply.headers["content-type"], reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["content-type"], error.read()


def test_pages_have_their_status_type_and_body(admin: Admin) -> None:
    assert get(admin, "/x") == (200, "text/plain", b"yes")
    assert get(admin, "/x?query") == (200, "text/plain", b"yes")
    assert get(admin, "/no") == (503, "text/plain", b"no")


def test_other_pages_are_not_found(admin: Admin) -> None:
    assert get(admin, "/y")[0] == 404


def test_other_methods_are_refused(admin: Admin) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{admin.port}/x", data=b"")
    with pytest.raises(urllib.error.HTTPError) as caught:
        _direct.open(request, timeout=10)
    with caught.value as error:
        assert error.code == 501


def test_the_address_may_be_of_ipv6() -> None:
    server = Admin("[::1]:0", {"/x": lambda: (200, "text/plain", b"yes")})
    try:
        with _direct.open(f"http://[::1]:{server.port}/x", timeout=10) as reply:
            assert reply.read() == b"yes"
    finally:
        server.close()


def test_a_port_that_is_taken_is_named(admin: Admin) -> None:
    address = f"127.0.0.1:{admin.port}"
    with pytest.raises(ListenError, match=f"cannot listen on {address}"):
        Admin(address, {})


def test_a_closed_port_is_free() -> None:
    server = Admin("127.0.0.1:0", {})
    server.close()
    assert not stack.accepts(server.port)


@contextmanager
def serving(page: Page) -> Iterator[Admin]:
    server = Admin("127.0.0.1:0", {"/x": page})
    try:
        yield server
    finally:
        server.close()


def test_a_failing_page_is_logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> tuple[int, str, bytes]:
        raise ZeroDivisionError

    with (
        serving(fail) as admin,
        socket.create_connection(("127.0.0.1", admin.port), timeout=10) as client,
    ):
        client.sendall(b"GET /x HTTP/1.0\r\n\r\n")
        assert client.recv(1) == b""
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert capsys.readouterr().err == ""


def test_a_disconnect_is_not_logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def large() -> tuple[int, str, bytes]:
        return 200, "text/plain", b"x" * 10_000_000

    before = set(threading.enumerate())
    with (
        serving(large) as admin,
        socket.create_connection(("127.0.0.1", admin.port), timeout=10) as client,
    ):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"GET /x HTTP/1.0\r\n\r\n")
        assert client.recv(1)
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert (caplog.messages, capsys.readouterr().err) == ([], "")
