"""What a fuzzer has found to be different ways through the lean transport leads to no harm."""

from pathlib import Path

import pytest

from tests.fuzz import peer

CORPUS = sorted((Path(peer.__file__).parent / "corpus").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_an_input_of_the_corpus(path: Path) -> None:
    peer.run(path.read_bytes())
