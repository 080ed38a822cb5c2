"""The programs in ``programs/``: ASGI applications, under uvicorn as one tunes it."""

import os
from pathlib import Path

from demo import stack

_PROGRAMS = Path(__file__).with_name("programs")


def server(python: Path, program: str, port: int, upstream_port: int, folder: Path) -> stack.Server:
    """One of them.

    Args:
        python: of the environment that it runs in.
        program: the name of its module.
        port: where it listens on loopback.
        upstream_port: the model server's.
        folder: takes its log.
    """
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    return stack.Server(
        program,
        [python, "-m", "uvicorn", f"{program}:app", "--port", str(port), *options],
        log=folder / f"{program}-{port}.log",
        ready=lambda: stack.accepts(port),
        env={
            "UPSTREAM": f"http://127.0.0.1:{upstream_port}",
            # The programs, and the translation that they share with the filter.
            "PYTHONPATH": os.pathsep.join([str(_PROGRAMS), str(stack.ROOT)]),
        },
    )
