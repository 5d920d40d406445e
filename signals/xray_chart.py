"""The X-ray's history as a drawing: places of lines and bands in an SVG, for templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from signals.domain.timeframes import open_time

WIDTH, TOP, PLOT, STRIP = 960, 16, 180, 22  # units of the drawing: its width, margin, plot, and band of regimes
LINES = {"trend": (-1.0, 1.0), "momentum": (-1.0, 1.0), "potential": (0.0, 1.0), "volatility": (0.0, 1.0)}
STEPS = (-0.6, -0.3, -0.08, 0.08, 0.3, 0.6)
HEAT = ("n3", "n2", "n1", "0", "p1", "p2", "p3")


def heat_step(value: float | None) -> str:
    """The step of the heat scale for a score of -1 to 1, nothing when it is not known."""
    return "" if value is None else HEAT[sum(value >= edge for edge in STEPS)]


@dataclass(frozen=True, slots=True)
class Band:
    """Candles in a row of one regime."""

    regime: str
    title: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Paths by score (SVG path data, gaps where a value is missing), bands of regimes, and when it begins and ends."""

    width: int
    height: int
    middle: int
    strip: int
    paths: dict[str, str]
    bands: tuple[Band, ...]
    begins: Any
    ends: Any


def chart_of(rows: Sequence[Mapping[str, Any]]) -> Chart | None:
    """The drawing of a history (rows as of `history_read`, oldest first), None when there are fewer than two rows."""
    if len(rows) < 2:
        return None
    across = WIDTH / len(rows)
    paths = {name: _path(rows, name, low, high, across) for name, (low, high) in LINES.items()}
    times = [open_time(rows[place]["open_time_ms"]) for place in (0, -1)]
    bottom = TOP + PLOT + 8
    return Chart(WIDTH, bottom + STRIP, TOP + PLOT // 2, bottom, paths, tuple(_bands(rows, across)), *times)


def _path(rows: Sequence[Mapping[str, Any]], name: str, low: float, high: float, across: float) -> str:
    parts, joined = [], False
    for number, row in enumerate(rows):
        value = row[name]
        if value is not None:
            y = TOP + PLOT * (high - min(max(value, low), high)) / (high - low)
            parts.append(f"{'L' if joined else 'M'}{(number + 0.5) * across:.1f} {y:.1f}")
        joined = value is not None
    return "".join(parts)


def _bands(rows: Sequence[Mapping[str, Any]], across: float) -> list[Band]:
    found, at = [], 0
    for regime, group in groupby(rows, key=lambda row: row["regime"]):
        run = list(group)
        begins = open_time(run[0]["open_time_ms"])
        title = f"{regime.replace('_', ' ').capitalize()} from {begins:%Y-%m-%d %H:%M} UTC, {len(run)} candles"
        found.append(Band(regime, title, round(at * across, 2), round(len(run) * across, 2)))
        at += len(run)
    return found
