"""Plots, whose text is searchable."""

from pathlib import Path
from xml.etree import ElementTree as ET

from bench import plots
from bench.contenders import FILTER, NOOP
from tests.bench.results import result


def words(picture: Path) -> list[str]:
    texts = ET.parse(picture).getroot().iter("{http://www.w3.org/2000/svg}text")  # noqa: S314 -- ours
    return ["".join(text.itertext()).strip() for text in texts]


def test_a_picture_shows_each_contender_of_each_scenario(tmp_path: Path) -> None:
    results = [
        result(contender, number, scenario, p50_ms=milliseconds + number, rps=1)
        for number in (1, 2, 3)
        for scenario, contender, milliseconds in (
            ("chat", FILTER, 10),
            ("chat", NOOP, 20),
            ("image", FILTER, 30),
        )
    ]
    plots.draw(results, "p50_ms", tmp_path / "picture.svg")
    shown = words(tmp_path / "picture.svg")
    assert {"p50, ms", "chat", "image", FILTER, NOOP, "12.00", "22.00", "32.00"} <= {*shown}
    assert shown.count(FILTER) == 1, "the legend names each once"


def test_the_same_results_make_the_same_picture(tmp_path: Path) -> None:
    pictures = []
    for name in ("one.svg", "other.svg"):
        plots.draw([result(FILTER, 1, p50_ms=1.0)], "p50_ms", tmp_path / name)
        pictures.append((tmp_path / name).read_bytes())
    assert pictures[0] == pictures[1]
