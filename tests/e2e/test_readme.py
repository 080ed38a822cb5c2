"""What README shows works when it is pasted."""

import re
import sys
from subprocess import run

import pytest

from demo.stack import ROOT
from tests.e2e.conftest import Gateway

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(python|bash)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_there_is_something_to_paste() -> None:
    assert {language for language, _ in BLOCKS} == {"python", "bash"}


@pytest.mark.parametrize(("language", "code"), BLOCKS)
def test_a_snippet_works(model_gateway: Gateway, language: str, code: str) -> None:
    code = code.replace("http://localhost:9000", model_gateway.url)
    command = [sys.executable, "-c"] if language == "python" else ["bash", "-euo", "pipefail", "-c"]
    done = run(  # noqa: S603 -- what our own README says
        [*command, code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert '"error"' not in done.stdout


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_a_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
