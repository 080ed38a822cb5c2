"""Links and test names in the documents exist."""

import re
from pathlib import Path

import pytest

from translator.contracts.seldon.contract import SELDON
from translator.operations.chat import extra_fields

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / name for name in ("docs", "k8s", "tests")]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(
        path
        for folder in FOLDERS
        for path in folder.rglob("*.md")
        if "node_modules" not in path.parts
    ),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_have_existing_targets(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_defect_in_the_wire_contract_has_its_test_and_every_test_its_row() -> None:
    table = (ROOT / "docs" / "wire-contract.md").read_text()
    tests = (ROOT / "tests" / "e2e" / "test_seldon_defects.py").read_text()
    named = re.findall(r"`(test_\d\d_\w+)`", table)
    assert sorted(named) == sorted(re.findall(r"^def (test_\d\d_\w+)", tests, re.MULTILINE))
    assert {int(name[5:7]) for name in named} == set(range(1, 32))


def test_the_wire_contract_has_every_name_by_which_dropped_fields_are_counted() -> None:
    text = (ROOT / "docs" / "wire-contract.md").read_text()
    _, _, section = text.partition("### Extra fields")
    listed, _, _ = section.partition("### Response")
    for place, names in extra_fields.NAMES.items():
        [row] = re.findall(rf"\| `{place}\.<name>`: ((?:`\w+`(?:, )?)*)", listed)
        counted = {*re.findall(r"\w+", row)}
        assert counted == {*names} - {*SELDON.message_fields}
