"""The line of a log with the cause of a failure."""

import pytest

from demo.reasons import reason

IMPORT_ERROR = (
    "ImportError: libgomp.so.1: cannot open shared object file: No such file or directory"
)
MLSERVER = f"""\
2026-01-01 [mlserver] ERROR - Some of the models failed to load during startup!
Traceback (most recent call last):
  File "mlserver/server.py", line 125, in start
    await asyncio.gather(
           ^^^^^^^^^^^^^^
{IMPORT_ERROR}
INFO:     Shutting down
2026-01-01 [mlserver.grpc] INFO - gRPC server shutdown complete
"""
CHAIN = """\
Traceback (most recent call last):
  File "a.py", line 1, in <module>
OSError: the cause

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
RuntimeError: what became of it
"""
INDENTED = """\
  + Exception Group Traceback (most recent call last):
  |   File "a.py", line 1, in <module>
  | ExceptionGroup: several (2 sub-exceptions)
"""
ENVOY = """\
[critical][main] error initializing config: no such field
[info][main] exiting

"""


def test_a_missing_library_comes_with_the_command_that_installs_it() -> None:
    assert reason(MLSERVER).splitlines() == [
        IMPORT_ERROR,
        "Install the library: apt-get install libgomp1",
    ]


def test_a_missing_module_means_an_incomplete_environment() -> None:
    text = "Traceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'x'"
    assert reason(text).startswith("ModuleNotFoundError: No module named 'x'\nThe environment")


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (CHAIN, "OSError: the cause"),
        (INDENTED, "| ExceptionGroup: several (2 sub-exceptions)"),
        (ENVOY, "[critical][main] error initializing config: no such field"),
        ("one\ntwo\n\n", "two"),
        ("Traceback (most recent call last):\n  cut off", "cut off"),
        ("", ""),
    ],
    ids=["chain", "group", "envoy", "last line", "cut off", "empty"],
)
def test_the_line_that_says_why(log: str, line: str) -> None:
    assert reason(log) == line
