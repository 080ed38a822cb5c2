"""The programs in ``programs/``: ASGI applications, run by uvicorn with its fastest options."""

import os
from pathlib import Path

from demo import stack

_PROGRAMS = Path(__file__).with_name("programs")


def server(python: Path, program: str, port: int, upstream_port: int, folder: Path) -> stack.Server:
    """One of the programs.

    Args:
        python: the interpreter of its environment.
        program: the name of its module.
        port: its loopback port.
        upstream_port: the model server's loopback port.
        folder: for its log.
    """
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    return stack.Server(
        program,
        [python, "-m", "uvicorn", f"{program}:app", "--port", str(port), *options],
        log=folder / f"{program}-{port}.log",
        ready=lambda: stack.accepts(port),
        env={
            "UPSTREAM": f"http://127.0.0.1:{upstream_port}",
            # The programs, and the filter's translation.
            "PYTHONPATH": os.pathsep.join([str(_PROGRAMS), str(stack.ROOT)]),
        },
    )
