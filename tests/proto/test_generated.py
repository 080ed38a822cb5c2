"""proto/ and the generated code are in sync."""

import sys
from pathlib import Path
from subprocess import run

import pytest

from demo.stack import ROOT

COMMITTED = ROOT / "translator" / "extproc" / "_proto"


@pytest.mark.parametrize("name", ["external_processor_pb2.py", "external_processor_pb2.pyi"])
def test_committed_code_is_the_compilers_output(name: str, tmp_path: Path) -> None:
    compiler = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'proto'}"]
    outputs = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    run([*compiler, *outputs, "external_processor.proto"], check=True)  # noqa: S603 -- our own
    assert (COMMITTED / name).read_text() == (tmp_path / name).read_text()
