"""The file of a unix socket: owner, mode and removal."""

import errno
import grp
import os
import pwd
import socket
import stat
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.unit.transport.running import (
    GRACE,
    OPTIONS,
    Kind,
    exchange_headers,
    open_stream,
    running,
)
from translator.extproc.session import Session
from translator.transport.errors import ListenError
from translator.transport.unixsocket import SocketFile


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def dead_socket(path: Path) -> None:
    """What a process leaves that was killed."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        made.listen()


async def serving(target: str) -> bool:
    async with grpc.aio.insecure_channel(target, OPTIONS) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        answer = await check(health_pb2.HealthCheckRequest(), timeout=10)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.mark.parametrize("form", ["unix:{}", "unix://{}"])
async def test_the_group_can_connect_by_default(tmp_path: Path, kind: Kind, form: str) -> None:
    path = tmp_path / "s"
    async with running(form.format(path), kind) as (_, target):
        assert mode(path) == 0o660
        assert await serving(target)
    assert not path.exists()


@pytest.mark.parametrize("bits", [0o600, 0o660, 0o666, 0o777])
@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
async def test_the_mode_is_set(tmp_path: Path, kind: Kind, bits: int, umask: int) -> None:
    before = os.umask(umask)
    try:
        async with running(f"unix:{tmp_path}/s", kind, socket_mode=bits):
            assert mode(tmp_path / "s") == bits
        assert os.umask(umask) == umask, "the process has its own again"
    finally:
        os.umask(before)


def test_the_mode_is_never_wider(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as made, SocketFile(f"unix:{path}").bound(0o600):
        made.bind(str(path))
        assert mode(path) == 0o600, "as soon as it is there"


OTHER = 54321  # a user and a group that is nobody's

# What this test may give a file to: root to anybody, anybody else to one of its own groups.
GROUP = OTHER if os.geteuid() == 0 else [os.getegid(), *os.getgroups()][-1]


def owner(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid


async def test_without_an_owner_it_is_that_of_the_process(tmp_path: Path, kind: Kind) -> None:
    (tmp_path / "other").touch()
    async with running(f"unix:{tmp_path}/s", kind, socket_owner=""):
        assert owner(tmp_path / "s") == owner(tmp_path / "other")


async def test_the_group_is_set(tmp_path: Path, kind: Kind) -> None:
    async with running(f"unix:{tmp_path}/s", kind, socket_owner=f":{GROUP}") as (_, target):
        assert owner(tmp_path / "s") == (os.geteuid(), GROUP)
        assert mode(tmp_path / "s") == 0o660
        assert await serving(target)
    assert not (tmp_path / "s").exists()


async def test_owners_can_be_named(tmp_path: Path, kind: Kind) -> None:
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    async with running(f"unix:{tmp_path}/s", kind, socket_owner=f"{user}:{group}"):
        assert owner(tmp_path / "s") == (os.geteuid(), os.getegid())


def test_only_this_user_can_connect_before_the_owner_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s"
    seen: list[tuple[int, int, int]] = []
    chown = os.chown

    def watched(given: Path, uid: int, gid: int, *, follow_symlinks: bool) -> None:
        seen.append((uid, gid, mode(path)))
        chown(given, -1, -1, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "chown", watched)
    bound = SocketFile(f"unix:{path}").bound(0o666, "1:2")
    with socket.socket(socket.AF_UNIX) as made, bound:
        made.bind(str(path))
        assert mode(path) == 0o600, "as soon as it is there"
    assert seen == [(-1, 2, 0o600), (1, -1, 0o666)]
    assert mode(path) == 0o666


@pytest.mark.parametrize(
    ("whose", "why"),
    [
        ("nobody-of-that-name", "there is no user nobody-of-that-name"),
        ("0:nobody-of-that-name", "there is no group nobody-of-that-name"),
        (":4294967295", "there is no group 4294967295"),
    ],
)
async def test_an_owner_that_does_not_exist_is_one_sentence(
    tmp_path: Path, kind: Kind, whose: str, why: str
) -> None:
    path = tmp_path / "s"
    dead_socket(path)
    with pytest.raises(ListenError) as caught:
        await kind(lambda _: Session()).start(f"unix:{path}", socket_owner=whose)
    assert str(caught.value) == (f"cannot listen on {path}: it cannot be given to {whose} ({why})")
    assert path.exists(), "nothing was touched"


async def test_an_owner_that_cannot_be_set_is_one_sentence(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "chown", refuse)  # root may give it to anybody
    path = tmp_path / "s"
    with pytest.raises(ListenError) as caught:
        await kind(lambda _: Session()).start(f"unix:{path}", socket_owner="1:2")
    assert str(caught.value) == (
        f"cannot listen on {path}: it cannot be given to 1:2 (Operation not permitted)"
    )
    assert not path.exists(), "nobody can connect to what was not begun"


async def test_escapes_in_the_address_are_those_of_grpc(tmp_path: Path, kind: Kind) -> None:
    async with running(f"unix:{tmp_path}/a%20b", kind, socket_mode=0o600):
        assert mode(tmp_path / "a b") == 0o600
    assert not (tmp_path / "a b").exists()


async def test_the_socket_of_a_dead_process_is_replaced(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "s"
    dead_socket(path)
    assert path.is_socket()
    async with running(f"unix:{path}", kind) as (_, target):
        assert await serving(target)


async def test_the_socket_of_a_running_server_is_not_replaced(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "s"
    async with running(f"unix:{path}", kind) as (_, target):
        with pytest.raises(ListenError, match=f"{path}: another process listens on it$"):
            await kind(lambda _: Session()).start(target)
        assert await serving(target)
    async with running(f"unix:{path}", kind) as (_, target):
        assert await serving(target)


def test_a_server_too_busy_to_accept_is_alive(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))  # the backlog is full now
        with (
            pytest.raises(ListenError, match="another process listens on it"),
            SocketFile(f"unix:{path}").bound(0o660),
        ):
            pytest.fail("it was taken")
        assert path.is_socket()


async def test_a_file_that_is_not_a_socket_is_kept(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(ListenError, match=f"{path}: it exists and is not a socket$"):
        await kind(lambda _: Session()).start(f"unix:{path}")
    assert path.read_text() == "precious"


async def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "none" / "s"
    with pytest.raises(ListenError, match=r"cannot listen on (unix:)?/.*none/s"):
        await kind(lambda _: Session()).start(f"unix:{path}")


async def test_a_path_that_is_too_long_is_one_sentence(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / ("s" * 300)
    with pytest.raises(ListenError, match=f"cannot listen on {path}: File name too long$"):
        await kind(lambda _: Session()).start(f"unix:{path}")


async def test_a_drain_removes_it_also_when_it_cuts_a_stream(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "s"
    transport = kind(lambda _: Session())
    await transport.start(f"unix:{path}")
    async with grpc.aio.insecure_channel(f"unix:{path}", OPTIONS) as channel:
        call = open_stream(channel)
        await exchange_headers(call)
        assert path.is_socket()
        await transport.drain(GRACE)
        assert not path.exists()


def test_a_file_that_replaced_it_is_not_removed(tmp_path: Path) -> None:
    path, other = tmp_path / "s", tmp_path / "t"
    file = SocketFile(f"unix:{path}")
    with socket.socket(socket.AF_UNIX) as made, file.bound(0o660):
        made.bind(str(path))
    dead_socket(other)
    other.rename(path)
    file.remove()
    assert path.is_socket()


def test_a_bound_socket_is_removed_once(tmp_path: Path) -> None:
    file = SocketFile(f"unix:{tmp_path}/s")
    with socket.socket(socket.AF_UNIX) as made, file.bound(0o660):
        made.bind(str(file.path))
    file.remove()
    assert not file.path.exists()
    file.remove()
