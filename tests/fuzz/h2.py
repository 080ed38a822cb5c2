"""Fuzzes the lean transport with atheris: ``make fuzz``.

It begins with the inputs of ``tests/fuzz/inputs.py``, which also says how to keep new ones. Those
go to ``.fuzz/found``, and what fails to ``.fuzz``. Arguments are libFuzzer's; a folder among them
takes the new inputs instead.
"""

import asyncio
import logging
import sys
from pathlib import Path

import atheris

from tests.fuzz import inputs

with atheris.instrument_imports(include=["translator.transport.h2", "hpack"]):
    from tests.fuzz import peer

_FUZZ = Path(".fuzz")
_FOUND, _KNOWN = _FUZZ / "found", _FUZZ / "known"
_RUNNER = asyncio.Runner()


def test_one_input(data: bytes) -> None:
    """See :func:`tests.fuzz.peer.attack`."""
    _RUNNER.run(peer.attack(data))


def main() -> None:
    """Unpack the archive for libFuzzer, which reads folders, and fuzz."""
    for folder in (_FOUND, _KNOWN):
        folder.mkdir(parents=True, exist_ok=True)
    for name, data in inputs.unpack(inputs.ARCHIVE).items():
        (_KNOWN / name).write_bytes(data)
    logging.disable()  # what a peer does wrong is logged, and here that is all there is
    program = f"{sys.executable} -m tests.fuzz.h2"  # libFuzzer starts itself again to merge
    options = ["-max_len=4096", f"-artifact_prefix={_FUZZ}/", *sys.argv[1:]]
    folders = map(str, (_FOUND, _KNOWN, inputs.SEEDS))
    atheris.Setup([program, *options, *folders], test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
