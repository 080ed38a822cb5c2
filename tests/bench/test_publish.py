"""What is replaced in a document, and what stays."""

import json
from pathlib import Path

from bench import publish
from bench.plan import Plan
from tests.bench.results import MACHINE, result

PAGE = "# Title\n\nBefore.\n\n<!-- unary -->\nold\n<!-- /unary -->\n\nAfter.\n"


def test_only_what_is_between_the_marks_is_replaced() -> None:
    once = publish.between(PAGE, "unary", "new \\1\n")
    assert once == PAGE.replace("\nold\n", "\n\nnew \\1\n\n", 1)
    assert publish.between(once, "unary", "new \\1\n") == once


def test_without_marks_nothing_is_changed() -> None:
    assert publish.between(PAGE, "streams", "new") == PAGE


def test_suites_that_were_not_measured_stay(tmp_path: Path) -> None:
    folder = tmp_path / "performance"
    page = tmp_path / "performance.md"
    page.write_text(PAGE)
    results = [result("filter", 1, rps=100), result("filter", 2, rps=110)]
    publish.write({"startup": results}, MACHINE, Plan(), folder)
    assert page.read_text() == PAGE
    publish.write({"unary": results}, MACHINE, Plan(), folder)
    assert "| chat | requests/s | 105 (100..110) |" in page.read_text()
    assert "<details>" not in page.read_text(), "only pictures stand for figures"
    assert list(json.loads((folder / publish.RESULTS).read_text())) == ["startup", "unary"]


def test_pictures_come_before_the_figures(tmp_path: Path) -> None:
    folder = tmp_path / "performance"
    page = tmp_path / "performance.md"
    page.write_text(PAGE)
    publish.write({"unary": [result("filter", 1, p50_ms=2, rps=100)]}, MACHINE, Plan(), folder)
    section = page.read_text().partition("<!-- unary -->")[2]
    picture, figures, rest = section.strip().split("\n\n", 2)
    assert picture == "![p50, ms](performance/unary-p50_ms.svg)"
    assert figures == "<details><summary>All figures</summary>"
    assert "\n\n</details>\n\n<!-- /unary -->" in rest
    assert (folder / "unary-p50_ms.svg").exists()
