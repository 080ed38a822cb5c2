"""The dashboard uses existing metrics, and its panels are complete."""

import json
import re
from html import unescape
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from translator.exchange.record import Record
from translator.serving.metrics import Metrics
from translator.serving.sessions import Sessions
from translator.serving.worker import Worker
from translator.serving.worker_metrics import render
from translator.settings.current import CurrentSettings

FOLDER = Path(__file__).parents[3] / "docs" / "dashboards"
DASHBOARD = json.loads((FOLDER / "oip-translator.json").read_text())
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [target for panel in PANELS for target in panel["targets"]]
QUERIES = [
    variable["query"]["query"] for variable in VARIABLES.values() if "definition" in variable
]

of_each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
of_each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target["expr"])


@pytest.fixture(scope="module")
def labels() -> dict[str, set[str]]:
    """Of each sample that several workers give after some exchanges, the labels it has then."""
    current = CurrentSettings({}, {}, None)
    metrics = Metrics(Sessions(current), current, {"taken": 0, "refused": 0})
    chat = Record(operation="chat/completions", model="m", status=200, upstream_status=200)
    chat.ended_after, chat.first_event_after, chat.complete = 0.5, 0.1, True
    chat.input_tokens, chat.output_tokens = 7, 5
    metrics.count(chat)
    metrics.count(Record(operation="embeddings", status=400, error="e", error_phase="request_body"))
    text = render([Worker(0, [])], {0: metrics.render().decode()}).decode()
    return {
        # Prometheus adds from where it has the sample.
        sample.name: {*sample.labels, "instance"}
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def selected(expression: str) -> list[tuple[str, set[str]]]:
    """The metrics that it selects, each with the labels that it selects them by."""
    found = re.findall(r"(\w+)\{([^}]*)\}", expression)
    return [(name, set(re.findall(r"(\w+)(?:=|!)", matchers))) for name, matchers in found]


def grouped(expression: str) -> set[str]:
    """The labels that its result has."""
    return {
        label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")
    }


def replaced(expression: str) -> list[tuple[str, str]]:
    """The labels that it makes, and those that it makes them of."""
    return re.findall(r'"(\w+)", "[^"]*", "(\w+)", "[^"]*"\)', expression)


@of_each_target
def test_metrics_and_labels_are_there(target: Any, labels: dict[str, set[str]]) -> None:
    expression = target["expr"]
    assert selected(expression)
    for name, by in selected(expression):
        assert by <= labels[name]
        assert {source for _, source in replaced(expression)} <= labels[name]
        made = {label for label, _ in replaced(expression)}
        assert grouped(expression) <= labels[name] | made


@of_each_target
def test_metrics_are_named_only_in_selectors(target: Any) -> None:
    named = set(
        re.findall(
            r"\b(?:gen_ai|oip_translator|process)_\w+", re.sub(r"\{.*?\}", "", target["expr"])
        )
    )
    assert named - grouped(target["expr"]) == {name for name, _ in selected(target["expr"])}


@of_each_target
def test_legends_use_labels_of_the_result(target: Any, labels: dict[str, set[str]]) -> None:
    [(name, _), *_] = selected(target["expr"])
    aggregated = "sum" in target["expr"]
    there = grouped(target["expr"]) if aggregated else labels[name]
    assert target["legendFormat"]
    assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= there


@of_each_target
def test_quantiles_are_taken_of_buckets_by_their_bounds(target: Any) -> None:
    buckets = [name for name, _ in selected(target["expr"]) if name.endswith("_bucket")]
    assert (
        ("histogram_quantile" in target["expr"])
        == bool(buckets)
        == ("le" in grouped(target["expr"]))
    )


@of_each_target
def test_every_panel_can_be_filtered_by_instance(target: Any) -> None:
    assert all("instance" in by for _, by in selected(target["expr"]))


@of_each_target
def test_panels_can_be_filtered_by_operation_and_model(
    target: Any, labels: dict[str, set[str]]
) -> None:
    choosable = {"gen_ai_operation_name", "gen_ai_request_model"}
    for name, by in selected(target["expr"]):
        assert choosable & labels[name] <= by


@of_each_target
def test_variables_are_declared(target: Any) -> None:
    used = set(re.findall(r"\$(\w+)", target["expr"]))
    assert used <= {*VARIABLES, "__rate_interval"}
    assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("query", QUERIES)
def test_the_choices_of_a_variable_are_labels_that_are_there(
    query: str, labels: dict[str, set[str]]
) -> None:
    found = re.fullmatch(r"label_values\((\w+), (\w+)\)", query)
    assert found
    assert found[2] in labels[found[1]]


def test_variables_have_choices() -> None:
    assert set(VARIABLES) == {"datasource", "instance", "operation", "model"}
    assert len(QUERIES) == 3


def cells(panel: Any) -> set[tuple[int, int]]:
    grid = panel["gridPos"]
    across = range(grid["x"], grid["x"] + grid["w"])
    return set(product(across, range(grid["y"], grid["y"] + grid["h"])))


def test_panels_fill_the_grid_and_do_not_overlap() -> None:
    taken = [cell for panel in DASHBOARD["panels"] for cell in cells(panel)]
    assert len(taken) == len(set(taken))
    rows = max(y for _, y in taken) + 1
    assert set(taken) == set(product(range(24), range(rows)))


def test_ids_are_unique() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in PANELS:
        references = [target["refId"] for target in panel["targets"]]
        assert len(references) == len(set(references))


@of_each_panel
def test_panels_have_a_description_and_a_unit(panel: Any) -> None:
    assert panel["title"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    # One sentence says what it is, the next what to make of it.
    assert len(re.findall(r"\.(?: |$)", panel["description"])) >= 2


@of_each_panel
def test_thresholds_rise(panel: Any) -> None:
    first, *others = [
        step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    ]
    assert first is None
    assert all(low < high for low, high in pairwise(others))


@of_each_panel
def test_the_picture_shows_every_panel(panel: Any) -> None:
    picture = (FOLDER / "oip-translator.svg").read_text()
    texts = {unescape(text) for text in re.findall(r">([^<>]+)</text>", picture)}
    assert panel["title"] in texts
    names = {target["legendFormat"] for target in panel["targets"] if panel["type"] != "stat"}
    assert {name for name in names if "{{" not in name} <= texts
