"""Sizes, times and addresses, as people write them."""

import pytest

from translator.serving.values import Address, Mode, Seconds, Size


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


@pytest.mark.parametrize("text", ["660", "0660", "0o660", 660])
def test_a_mode_is_octal(text: object) -> None:
    mode = Mode.parse(text)
    assert (mode, str(mode)) == (0o660, "660")


@pytest.mark.parametrize("text", ["", "66", "888", "rw-", "1660", None, True])
def test_a_mode_is_nothing_else(text: object) -> None:
    with pytest.raises(ValueError, match="octal"):
        Mode.parse(text)
