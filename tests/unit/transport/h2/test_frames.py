"""Encoding of frames, byte for byte as in RFC 9113."""

import h2.errors
import h2.settings
import pytest

from tests.unit.transport.h2 import wire
from translator.transport.h2 import frames
from translator.transport.h2.errors import ErrorCode
from translator.transport.h2.frames import Kind, Setting


@pytest.mark.parametrize(
    ("ours", "drawn"),
    [
        (frames.settings({}), wire.settings()),
        (
            frames.settings({Setting.HEADER_TABLE_SIZE: 0, Setting.MAX_FRAME_SIZE: 2**32 - 1}),
            wire.settings((1, 0), (5, 2**32 - 1)),
        ),
        (frames.SETTINGS_ACK, wire.SETTINGS_ACK),
        (frames.ping_ack(b"abcdefgh"), wire.ping(b"abcdefgh", ack=True)),
        (frames.headers(2**31 - 1, b"block"), wire.headers(2**31 - 1, b"block")),
        (frames.headers(3, b"block", end=True), wire.headers(3, b"block", end=True)),
        (frames.goaway(5, ErrorCode.NO_ERROR), wire.goaway(5, 0)),
        (frames.goaway(5, ErrorCode.ENHANCE_YOUR_CALM, "why"), wire.goaway(5, 11, b"why")),
        (frames.rst_stream(7, ErrorCode.CANCEL), wire.rst_stream(7, 8)),
        (frames.window_update(0, 2**31 - 1), wire.window_update(0, 2**31 - 1)),
        (
            frames.head(0x10203, Kind.DATA, 1, 9) + bytes(0x10203),
            wire.data(9, bytes(0x10203), end=True),
        ),
    ],
)
def test_frames_have_the_layout_of_the_rfc(ours: bytes, drawn: wire.Frame) -> None:
    assert ours == bytes(drawn)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 16_384, 2**24 - 1])
def test_frame_headers_are_read_with_the_layout_of_the_rfc(length: int) -> None:
    head = length.to_bytes(3) + bytes.fromhex("09 fe 80000001")
    assert frames.read_head(b"abc" + head, 3) == (length >> 8, length & 0xFF, 9, 0xFE, 2**31 + 1)
    assert frames.head(length, 9, 0xFE, 2**31 + 1) == head


def test_unknown_settings_are_read_and_the_last_value_counts() -> None:
    pairs = [(4, 1), (0xFFFF, 2**32 - 1), (4, 2)]
    assert frames.read_settings(wire.settings(*pairs).payload) == {4: 2, 0xFFFF: 2**32 - 1}


def test_the_reserved_bit_of_an_increment_is_not_read() -> None:
    assert frames.read_long(b"\x80\x00\x00\x01") == 1
    assert frames.read_long(b"\xff\xff\xff\xff") == 2**31 - 1


def test_the_preface_is_the_one_of_section_3_4() -> None:
    assert frames.PREFACE == wire.PREFACE


def test_error_codes_are_those_of_section_7() -> None:
    assert all(int(code) == h2.errors.ErrorCodes[code.name] for code in ErrorCode)


def test_settings_are_those_of_section_6_5_2() -> None:
    theirs = h2.settings.SettingCodes
    assert all(int(setting) == theirs[setting.name] for setting in Setting)
