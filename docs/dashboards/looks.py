"""The style of a panel's series, from its JSON: colours, lines or bars, formatted values."""

import re
from collections.abc import Mapping
from typing import Any

COLORS = {
    "green": "#56a64b",
    "blue": "#3274d9",
    "purple": "#a352cc",
    "orange": "#ff780a",
    "red": "#e02f44",
    "dark-red": "#8c1c2b",
    "light-blue": "#8ab8ff",
    "dark-blue": "#1340a0",
}
"""Grafana's colour names that are used, for a light page."""
_PALETTE = ("#56a64b", "#e0a800", "#3274d9", "#ff780a", "#e02f44", "#a352cc", "#00897b", "#8d6e63")
_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_THOUSANDS = ((1e6, "M"), (1e3, "k"), (1.0, ""))


def style_of(panel: Mapping[str, Any], name: str, index: int) -> dict[str, Any]:
    """The style of a series: the panel's, with the overrides for its name."""
    config = panel["fieldConfig"]
    found = {**config["defaults"]["custom"], "color": _PALETTE[index % len(_PALETTE)]}
    for override in config["overrides"]:
        if re.search(override["matcher"]["options"].strip("/"), name):
            for change in override["properties"]:
                key, value = change["id"].removeprefix("custom."), change["value"]
                found[key] = COLORS[value["fixedColor"]] if key == "color" else value
    return found


def formatted(value: float, unit: str, top: float) -> str:
    """A value with its unit, scaled for the largest value of the axis."""
    if unit == "percentunit":
        return f"{value * 100:.3g}%"
    scales = _SECONDS if unit == "s" else _THOUSANDS
    factor, prefix = next((scale for scale in scales if top >= scale[0]), scales[-1])
    number = f"{value / factor:.3g}"
    if unit == "s":
        return f"{number} {prefix}"
    suffix = {"short": "", "reqps": " req/s", "Bps": "B/s"}.get(unit, unit.removeprefix("suffix:"))
    gap = " " if prefix or unit == "Bps" else ""
    return f"{number}{gap}{prefix}{suffix}"
