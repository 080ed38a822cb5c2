"""Sizes, times and addresses, as people write them."""

import os

import pytest

from translator.settings.values import Address, Mode, Owner, Port, Seconds, Size, Workers


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("7", 7),
        (7, 7),
        ("1 ", 1),
        ("512K", 512 * 1024),
        ("64M", 64 * 1024**2),
        ("64MiB", 64 * 1024**2),
        ("64mb", 64 * 1024**2),
        ("2g", 2 * 1024**3),
    ],
)
def test_a_size_is_a_number_with_or_without_a_unit(text: object, size: int) -> None:
    assert Size.parse(text) == size


@pytest.mark.parametrize("text", ["", "M", "-1", "1.5M", "64 T", "9" * 16, True, None, [1]])
def test_a_size_is_nothing_else(text: object) -> None:
    with pytest.raises(ValueError, match="a number of bytes"):
        Size.parse(text)


@pytest.mark.parametrize("size", [0, 1, 1000, 1024, 64 * 1024**2, 3 * 1024**3])
def test_a_size_is_shown_as_it_is_read(size: int) -> None:
    assert Size.parse(str(Size(size))) == size


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), (30, 30), ("0.5", 0.5), ("2s", 2)])
def test_a_time_is_a_number_of_seconds(text: object, seconds: float) -> None:
    assert Seconds.parse(text) == seconds


@pytest.mark.parametrize("text", ["0", "30", "0.5", "1234567", "1000000.25", "999999999"])
def test_a_time_is_shown_as_it_may_be_written(text: str) -> None:
    assert str(Seconds.parse(text)) == text


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1m", True, None])
def test_a_time_is_nothing_else(text: object) -> None:
    with pytest.raises(ValueError, match="a number of seconds"):
        Seconds.parse(text)


@pytest.mark.parametrize(
    "text", ["127.0.0.1:50051", "[::1]:0", "localhost:65535", "unix:/run/translator.sock"]
)
def test_an_address_is_a_port_of_a_host_or_a_socket(text: str) -> None:
    assert Address.parse(text) == text


@pytest.mark.parametrize("text", ["", "50051", ":50051", "host:", "host:65536", "host:x", "unix:x"])
def test_an_address_is_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        Address.parse(text)


def test_what_is_no_socket_is_a_port() -> None:
    assert Port.parse("127.0.0.1:80") == "127.0.0.1:80"


@pytest.mark.parametrize("text", ["unix:/x", "unix:5", ":80", "h:99999", "h:x", "h", ""])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        Port.parse(text)


@pytest.mark.parametrize("text", ["660", "0660", "0o660", 660])
def test_a_mode_is_octal(text: object) -> None:
    mode = Mode.parse(text)
    assert (mode, str(mode)) == (0o660, "660")


@pytest.mark.parametrize("text", ["", "66", "888", "rw-", "1660", None, True])
def test_a_mode_is_nothing_else(text: object) -> None:
    with pytest.raises(ValueError, match="octal"):
        Mode.parse(text)


@pytest.mark.parametrize("text", ["", "envoy", "101", 101, "envoy:mesh", "101:102", ":mesh"])
def test_an_owner_is_a_user_a_group_or_both(text: object) -> None:
    assert Owner.parse(text) == str(text)


@pytest.mark.parametrize("text", [":", "envoy:", "a:b:c", "two words", "a\0b", "a\n", True])
def test_an_owner_is_nothing_else(text: object) -> None:
    with pytest.raises(ValueError, match="USER:GROUP"):
        Owner.parse(text)


@pytest.mark.parametrize(("text", "count"), [("1", 1), (" 2 ", 2), (3, 3), ("64", 64)])
def test_workers_are_a_number(text: object, count: int) -> None:
    workers = Workers.parse(text)
    assert (workers.count, str(workers)) == (count, str(count))


def test_auto_is_a_worker_for_each_core() -> None:
    workers = Workers.parse("auto")
    assert 1 <= workers.count <= len(os.sched_getaffinity(0))
    assert str(workers) == "auto"


def test_there_are_never_more_workers_than_may_be_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("translator.settings.values.usable_cores", lambda: 1000)
    assert Workers.parse("auto").count == 64


@pytest.mark.parametrize("text", ["", "0", "65", "-1", "1.5", "x", "AUTO", True, None])
def test_workers_are_nothing_else(text: object) -> None:
    with pytest.raises(ValueError, match="a number from 1 to 64, or auto"):
        Workers.parse(text)


@pytest.mark.parametrize(
    ("address", "endpoints"),
    [
        ("127.0.0.1:50051", ["127.0.0.1:50051", "127.0.0.1:50052"]),
        ("[::1]:9", ["[::1]:9", "[::1]:10"]),
        ("unix:/run/{worker}.sock", ["unix:/run/0.sock", "unix:/run/1.sock"]),
        ("unix:/{worker}/{worker}", ["unix:/0/0", "unix:/1/1"]),
    ],
)
def test_each_worker_has_an_endpoint_of_its_own(address: str, endpoints: list[str]) -> None:
    listen = Address.parse(address)
    listen.require(2)
    assert [listen.of(0), listen.of(1)] == endpoints


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("unix:/run/s", "a path with {worker} for the worker's number"),
        ("host:0", "a port from 1 to 65534, "),
        ("host:65535", "a port from 1 to 65534, "),
    ],
)
def test_without_one_for_each_it_is_said_what_is_allowed(address: str, allowed: str) -> None:
    with pytest.raises(ValueError, match=allowed):
        Address.parse(address).require(2)
