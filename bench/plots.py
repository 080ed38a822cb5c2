"""Plots of results as SVG: a row for each contender in each scenario. Needs matplotlib."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from bench import compare
from bench.contenders import ENVOY, NO_FILTER, NOOP, NOOP_3
from bench.results import METRICS, Result

# The baselines have pale colours.
_COLORS = {
    NOOP: "#9aa5b1",
    NOOP_3: "#c6cdd5",
    ENVOY: "#e0a800",
    NO_FILTER: "#f0d78a",
    "json": "#c6cdd5",
    "orjson": "#9aa5b1",
}
_PALETTE = ("#3274d9", "#1340a0", "#56a64b", "#ff780a", "#a352cc", "#8c1c2b")
_TEXT, _FAINT, _GRID = "#24292e", "#6b7280", "#eceef1"
_WIDTH, _ROW, _MARGIN = 720.0, 11.0, 64.0  # points
_FONTS = ["Inter", "Segoe UI", "Helvetica", "Arial", "DejaVu Sans"]


def draw(results: Sequence[Result], metric: str, path: Path) -> None:
    """Draw one metric of a suite.

    Args:
        results: the results of one suite.
        metric: the name of the metric.
        path: the file.
    """
    # Text stays text, so that the file is small and can be searched.
    mpl.rcParams |= {
        "svg.fonttype": "none",
        "svg.hashsalt": "bench",
        "font.size": 9,
        "font.sans-serif": _FONTS,
        "text.color": _TEXT,
    }
    shown = [result for result in results if metric in result.metrics]
    scenarios = compare.names(shown, lambda result: result.scenario)
    found = {
        (scenario, contender): spread
        for scenario in scenarios
        for one in [[result for result in shown if result.scenario == scenario]]
        for contender in compare.in_order(one)
        if (spread := compare.spread(compare.by_turn(one, metric), contender))
    }
    height = (len(found) + len(scenarios)) * _ROW + _MARGIN
    figure = Figure(figsize=(_WIDTH / 72, height / 72), dpi=72, layout="constrained")
    axes = figure.add_subplot()
    _rows(axes, found, metric)
    labels = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(labels.values(), labels, loc="outside lower left", ncols=4, frameon=False)
    figure.savefig(path, facecolor="white", metadata={"Date": None})


def _rows(axes: Axes, found: Mapping[tuple[str, str], compare.Spread], metric: str) -> None:
    colors = _colors([contender for _, contender in found])
    ticks: dict[str, int] = {}
    for place, ((scenario, contender), spread) in enumerate(found.items()):
        row = place + len(ticks) - (scenario in ticks)  # an empty row before each scenario
        ticks.setdefault(scenario, row)
        look: dict[str, Any] = {"color": colors[contender], "solid_capstyle": "butt"}
        axes.plot([spread.lowest, spread.highest], [row, row], linewidth=4, alpha=0.4, **look)
        axes.plot(spread.median, row, "o", markersize=6, label=contender, **look)
        axes.annotate(
            f"{spread.median:.{METRICS[metric].decimals}f}",
            (spread.highest, row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=_FAINT,
        )
    axes.set_yticks([*ticks.values()], [*ticks])
    axes.set_title(METRICS[metric].title, loc="left", fontsize=11)
    # Logarithmic, because values are from 40 us to half a second.
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.invert_yaxis()
    axes.margins(x=0.06, y=1 / len(found))
    axes.grid(axis="x", color=_GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _colors(contenders: Sequence[str]) -> dict[str, str]:
    others = dict.fromkeys(name for name in contenders if name not in _COLORS)
    return {**_COLORS, **dict(zip(others, cycle(_PALETTE), strict=False))}
