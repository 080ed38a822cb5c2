"""The files for the documents."""

import json
from pathlib import Path

from bench import publish
from bench.plan import Plan
from bench.results import METRICS
from demo import stack
from tests.bench.results import MACHINE, result


def test_suites_that_were_not_measured_keep_their_results(tmp_path: Path) -> None:
    folder = tmp_path / "performance"
    results = [result("filter", 1, rps=100), result("filter", 2, rps=110)]
    publish.write({"startup": results}, MACHINE, Plan(), folder)
    publish.write({"unary": results[:1]}, MACHINE, Plan(), folder)
    known = json.loads((folder / publish.RESULTS).read_text())
    assert {suite: len(found["results"]) for suite, found in known.items()} == {
        "startup": 2,
        "unary": 1,
    }
    assert [path.name for path in folder.iterdir()] == [publish.RESULTS], "nothing to draw"


def test_what_was_measured_is_drawn(tmp_path: Path) -> None:
    publish.write({"unary": [result("filter", 1, p50_ms=2, rps=100)]}, MACHINE, Plan(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {publish.RESULTS, "unary-p50_ms.svg"}


def test_the_page_shows_every_picture_and_where_the_results_are() -> None:
    page = (stack.ROOT / "docs" / "performance.md").read_text()
    for suite, metrics in publish.PICTURES.items():
        for metric in metrics:
            name = publish.picture(suite, metric)
            assert f"![{METRICS[metric].title}](performance/{name})" in page
    assert f"(performance/{publish.RESULTS})" in page
