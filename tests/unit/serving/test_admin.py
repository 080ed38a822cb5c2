"""The HTTP port for operators."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from demo import stack
from translator.serving.admin import Admin
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


def test_pages_are_answered_as_they_say(admin: Admin) -> None:
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


def test_a_port_that_is_taken_is_named(admin: Admin) -> None:
    address = f"127.0.0.1:{admin.port}"
    with pytest.raises(ListenError, match=f"cannot listen on {address}"):
        Admin(address, {})


def test_a_closed_port_is_free() -> None:
    server = Admin("127.0.0.1:0", {})
    server.close()
    assert not stack.accepts(server.port)
