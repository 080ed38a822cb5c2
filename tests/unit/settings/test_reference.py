"""The documentation of the settings is written from them."""

from pathlib import Path

from translator.settings.reference import render
from translator.settings.sources import FIELDS

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "configuration.md"


def test_the_document_is_what_the_settings_say() -> None:
    assert DOCUMENT.read_text() == render(), "run `make docs`"


def test_every_setting_is_in_it() -> None:
    assert all(f"| `{name}` |" in render() for name in FIELDS)
