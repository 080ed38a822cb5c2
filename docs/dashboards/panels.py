"""Draws a Grafana dashboard with matplotlib: its grid, and its time series and stat panels.

It supports only what this dashboard uses: units, stacking, fixed colours, bars, thresholds and list
legends. Lengths are points from the upper left corner, as in Grafana.
"""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from docs.dashboards.looks import COLORS, formatted, style_of

_WIDTH, _MARGIN, _GAP, _ROW, _TOP = 1120.0, 16.0, 8.0, 26.0, 56.0
_PAGE, _PANEL, _EDGE, _GRID = "#f4f5f5", "#ffffff", "#e0e2e6", "#eceef1"
_TEXT, _FAINT, _CHOICE = "#24292e", "#6b7280", "#1f5fbf"
# The layout is computed with the last and widest; a viewer may use another.
_FONTS = ["Inter", "Segoe UI", "Helvetica", "Arial", "DejaVu Sans"]
_LEGEND = 16.0  # height of a line of a legend


class Series(NamedTuple):
    """One line of a panel: its legend, and its points as Unix time and value."""

    name: str
    points: Sequence[tuple[float, float]]


Found = Mapping[int, Sequence[Series]]
"""The series of each panel, by the panel's id."""


class _Box(NamedTuple):
    x: float
    y: float
    width: float
    height: float


def draw(dashboard: Mapping[str, Any], found: Found, path: Path) -> None:
    """Draw the dashboard as SVG.

    Args:
        dashboard: the dashboard's JSON.
        found: the series of its panels.
        path: the file.
    """
    # Text stays text, so that the file is small and can be searched.
    mpl.rcParams |= {
        "svg.fonttype": "none",
        "svg.hashsalt": "dashboard",
        "font.size": 10,
        "font.sans-serif": _FONTS,
    }
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    height = _TOP + rows * (_ROW + _GAP) + _MARGIN - _GAP
    figure = Figure(figsize=(_WIDTH / 72, height / 72), dpi=72, facecolor=_PAGE)
    series = [one for shown in found.values() for one in shown]
    times = sorted({when for one in series for when, _ in one.points})
    canvas = _Canvas(figure, height, times)
    canvas.head(dashboard)
    for panel in dashboard["panels"]:
        canvas.panel(panel, found.get(panel["id"], ()))
    figure.savefig(path, facecolor=_PAGE, metadata={"Date": None})


class _Canvas:
    def __init__(self, figure: Figure, height: float, times: Sequence[float]) -> None:
        self._figure = figure
        self._height = height
        self._times = times

    def text(self, x: float, y: float, text: str, **style: Any) -> float:
        """Write a text; returns its width."""
        style = {"color": _TEXT, "va": "center"} | style
        drawn = self._figure.text(x / _WIDTH, 1 - y / self._height, text, **style)
        return float(drawn.get_window_extent().width)

    def head(self, dashboard: Mapping[str, Any]) -> None:
        x = _MARGIN + 4 + self.text(_MARGIN + 4, 28, dashboard["title"], size=16, weight="bold")
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                x += 28
                x += self.text(x, 28, variable["label"], color=_FAINT) + 6
                x += self.text(x, 28, "All", color=_CHOICE)
        minutes = round((self._times[-1] - self._times[0]) / 60)
        self.text(_WIDTH - _MARGIN - 4, 28, f"Last {minutes} minutes", ha="right", color=_FAINT)

    def panel(self, panel: Mapping[str, Any], found: Sequence[Series]) -> None:
        grid = panel["gridPos"]
        column = (_WIDTH - 2 * _MARGIN + _GAP) / 24
        box = _Box(
            _MARGIN + grid["x"] * column,
            _TOP + grid["y"] * (_ROW + _GAP),
            grid["w"] * column - _GAP,
            grid["h"] * (_ROW + _GAP) - _GAP,
        )
        if panel["type"] == "row":
            self.text(box.x + 4, box.y + box.height / 2, panel["title"], size=12, weight="bold")
            return
        edge = Rectangle(
            (box.x / _WIDTH, 1 - (box.y + box.height) / self._height),
            box.width / _WIDTH,
            box.height / self._height,
            facecolor=_PANEL,
            edgecolor=_EDGE,
            linewidth=1,
            transform=self._figure.transFigure,
            zorder=-1,  # below the axes
        )
        self._figure.add_artist(edge)
        self.text(box.x + 10, box.y + 16, panel["title"], size=11, weight="bold")
        (self._stat if panel["type"] == "stat" else self._graph)(panel, found, box)

    def _axes(self, box: _Box) -> Axes:
        bottom = 1 - (box.y + box.height) / self._height
        place = (box.x / _WIDTH, bottom, box.width / _WIDTH, box.height / self._height)
        axes = self._figure.add_axes(place, facecolor="none")
        axes.spines[:].set_visible(False)
        axes.set_xlim(self._times[0], self._times[-1])
        return axes

    def _stat(self, panel: Mapping[str, Any], found: Sequence[Series], box: _Box) -> None:
        defaults = panel["fieldConfig"]["defaults"]
        (series,) = found
        points = [point for point in series.points if not math.isnan(point[1])]
        mean = sum(value for _, value in points) / len(points)
        reached = [s for s in defaults["thresholds"]["steps"] if mean >= (s["value"] or 0)]
        color = COLORS[reached[-1]["color"]]
        shown = formatted(round(mean, 2 + defaults["decimals"]), defaults["unit"], mean)
        self.text(box.x + box.width / 2, box.y + 58, shown, size=26, color=color, ha="center")
        axes = self._axes(_Box(box.x + 1, box.y + 84, box.width - 2, box.height - 85))
        axes.set_axis_off()
        times, values = zip(*points, strict=True)
        axes.fill_between(times, values, color=color, alpha=0.15, linewidth=0)
        axes.plot(times, values, color=color, linewidth=1)
        axes.set_ylim(0, max(values) * 1.1 or 1)

    def _graph(self, panel: Mapping[str, Any], found: Sequence[Series], box: _Box) -> None:
        defaults = panel["fieldConfig"]["defaults"]
        names = [series.name for series in found]
        styles = [style_of(panel, name, index) for index, name in enumerate(names)]
        legend = self._legend(names, [style["color"] for style in styles], box)
        axes = self._axes(_Box(box.x + 60, box.y + 34, box.width - 72, box.height - 62 - legend))
        stacked = defaults["custom"]["stacking"]["mode"] == "normal"
        step = self._times[1] - self._times[0]
        ground: dict[float, float] = {}
        top = 0.0
        for series, style in zip(found, styles, strict=True):
            times = [when for when, _ in series.points]
            values = [value for _, value in series.points]
            low = [ground.get(when, 0.0) for when in times]
            high = [base + value for base, value in zip(low, values, strict=True)]
            top = max([top, *(value for value in high if not math.isnan(value))])
            alpha, color = style["fillOpacity"] / 100, style["color"]
            if style["drawStyle"] == "bars":
                axes.bar(times, values, 0.8 * step, low, color=color, alpha=alpha)
            else:
                axes.plot(times, high, color=color, linewidth=1.2)
                axes.fill_between(times, low, high, color=color, alpha=alpha, linewidth=0)
            if stacked:
                ground |= dict(zip(times, high, strict=True))
        self._scales(axes, defaults, top)

    def _scales(self, axes: Axes, defaults: Mapping[str, Any], top: float) -> None:
        if defaults["custom"]["thresholdsStyle"]["mode"] == "dashed":
            for step in defaults["thresholds"]["steps"][1:]:
                axes.axhline(
                    step["value"], color=COLORS[step["color"]], linewidth=1, ls=(0, (6, 4))
                )
        axes.set_ylim(0, top * 1.08 or 1)
        whole = defaults.get("decimals") == 0
        axes.yaxis.set_major_locator(
            MaxNLocator(4, integer=whole, min_n_ticks=1, steps=[1, 2, 5, 10])
        )
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: formatted(value, defaults["unit"], top))
        )
        first, last = axes.get_xlim()
        axes.xaxis.set_major_locator(MultipleLocator(60 * max(round((last - first) / 240), 1)))
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda value, _: time.strftime("%H:%M", time.localtime(value)))
        )
        axes.tick_params(length=0, labelsize=9, labelcolor=_FAINT)
        axes.grid(color=_GRID, linewidth=1)
        axes.set_axisbelow(True)

    def _legend(self, names: Sequence[str], colors: Sequence[str], box: _Box) -> float:
        """Write the legend at the foot of a panel; returns its height."""
        lines: list[list[tuple[float, str, str]]] = [[]]
        x = 12.0
        for name, color in zip(names, colors, strict=True):
            width = _text_width(self._figure, name) + 34
            if lines[-1] and x + width > box.width:
                lines.append([])
                x = 12.0
            lines[-1].append((x, name, color))
            x += width
        for number, line in enumerate(reversed(lines)):
            y = box.y + box.height - 12 - number * _LEGEND
            for x, name, color in line:
                self.text(box.x + x, y, "━", size=9, color=color)
                self.text(box.x + x + 16, y, name, size=9)
        return len(lines) * _LEGEND


def _text_width(figure: Figure, text: str) -> float:
    drawn = figure.text(0, 0, text, size=9)
    width = float(drawn.get_window_extent().width)
    drawn.remove()
    return width
