"""Fuzzes the lean transport with atheris: ``make fuzz``.

New inputs and findings go to ``.fuzz``; what is worth keeping is copied into the corpus, which the
tests run through (``tests/property/test_h2_corpus.py``).
"""

import asyncio
import logging
import sys

import atheris

with atheris.instrument_imports(include=["translator.transport.h2", "hpack"]):
    from tests.fuzz import peer

_RUNNER = asyncio.Runner()


def test_one_input(data: bytes) -> None:
    """See :func:`tests.fuzz.peer.attack`."""
    _RUNNER.run(peer.attack(data))


if __name__ == "__main__":
    logging.disable()  # what a peer does wrong is logged, and here that is all there is
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
