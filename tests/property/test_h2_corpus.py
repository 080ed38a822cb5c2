"""The seeds of the fuzzer, and the inputs that it found."""

from pathlib import Path

import pytest

from tests.fuzz import inputs, peer

SEEDS = inputs.read(inputs.SEEDS)


@pytest.mark.parametrize("name", SEEDS)
def test_a_seed(name: str) -> None:
    peer.run(SEEDS[name])


def test_inputs_found_by_the_fuzzer() -> None:
    found = inputs.unpack(inputs.ARCHIVE)
    assert len(found) > 100
    failed = {}
    for name, data in found.items():
        try:
            peer.run(data)
        except AssertionError as error:
            failed[name] = error
    assert not failed


def test_an_archive_is_reproducible_and_complete(tmp_path: Path) -> None:
    files = {"b": b"two", "a": b"one"}
    archives = tmp_path / "1.tar.xz", tmp_path / "2.tar.xz"
    for archive, names in zip(archives, ("ab", "ba"), strict=True):
        inputs.pack({name: files[name] for name in names}, archive)
    assert inputs.unpack(archives[0]) == files
    assert archives[0].read_bytes() == archives[1].read_bytes()
