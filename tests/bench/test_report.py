"""The printed tables, and the JSON."""

import json

from bench import report
from bench.plan import Plan
from tests.bench.results import MACHINE, result

MEASURED = {
    "unary": [
        result("filter", 1, rps=100.4, p50_ms=1.5),
        result("no-op", 1, rps=200),
        result("filter", 2, rps=110, p50_ms=2.5),
        result("no-op", 2, rps=220),
    ]
}
PLAN = Plan(rounds=2, seconds=4)


def test_machine_and_method_are_described() -> None:
    assert report.surroundings(MACHINE) == (
        "Some CPU, 2 cores; Linux 6.1, Python 3.11.7, Envoy 1.40.0, grpcio 1.85.1; "
        "abc1234, 2026-11-23."
    )


def test_the_method_has_the_actual_number_of_rounds() -> None:
    results = MEASURED["unary"]
    assert report.method(PLAN, results) == (
        "Medians (lowest..highest) of 2 rounds; turns of 4 s, unless the suite counts calls."
    )
    assert report.method(PLAN, results[:2]) == (
        "One round; turns of 4 s, unless the suite counts calls."
    )


def test_markdown() -> None:
    assert report.markdown(MEASURED, MACHINE, PLAN).splitlines() == [
        report.surroundings(MACHINE),
        "",
        "### unary",
        "",
        report.method(PLAN, MEASURED["unary"]),
        "",
        "|  |  | filter | no-op |",
        "| --- | --- | --- | --- |",
        "| chat | requests/s | 105 (100..110) | 210 (200..220) |",
        "|  | p50, ms | 2.00 (1.50..2.50) |  |",
        "",
        "|  |  | filter / no-op |",
        "| --- | --- | --- |",
        "| chat | requests/s | 0.50 |",
    ]


def test_text_is_aligned() -> None:
    head, first, second = report.text(MEASURED, MACHINE, PLAN).splitlines()[6:9]
    assert head.index("no-op") == first.index("210")
    assert second.startswith(" " * 4)
    assert second.index("p50, ms") == first.index("requests/s")


def test_tables_can_be_rendered_from_json() -> None:
    document = json.loads(report.dump(report.document(MEASURED, MACHINE, PLAN)))
    again = [report.text(*suite) for suite in report.read(document)]
    assert again == [report.text({name: MEASURED[name]}, MACHINE, PLAN) for name in MEASURED]


def test_json_has_every_turn_and_the_metrics() -> None:
    document = json.loads(report.dump(report.document(MEASURED, MACHINE, PLAN)))
    unary = document["unary"]
    assert unary["machine"] == MACHINE
    assert unary["plan"]["rounds"] == 2
    assert unary["metrics"] == {"rps": "requests/s", "p50_ms": "p50, ms"}
    assert unary["results"][0] == {
        "suite": "unary",
        "scenario": "chat",
        "contender": "filter",
        "round": 1,
        "metrics": {"rps": 100.4, "p50_ms": 1.5},
    }
