"""A stored sweep's maps as rows of coloured cells for a template."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from trading.models import SweepRun

STEPS = ("n3", "n2", "n1", "0", "p1", "p2", "p3")
FLAT = 0.02  # gain, a fraction of the start balance, up to which a set has neither won nor lost


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: the heat step that colours it (empty: no set), what a pointer on it says, whether it is the best."""

    step: str
    title: str
    best: bool = False


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Rows from the largest `y` down, as on a chart."""

    symbol: str
    x: str
    y: str
    x_values: list[str]
    rows: list[tuple[str, list[Cell]]]
    best: str


def heat_maps(run: SweepRun) -> list[HeatMap]:
    """All maps of a sweep, by symbol."""
    balance, edges = _balance(run), edges_of(run)
    return [_map(symbol, heat, balance, edges) for symbol, heat in sorted(run.heat.items())]


def legend(run: SweepRun) -> list[tuple[str, str]]:
    """Heat steps and what they mean."""
    edges = edges_of(run)
    shown = [f"{edge:+.1%}" if abs(edge) < 0.1 else f"{edge:+.0%}" for edge in edges]
    names = [f"below {shown[0]}", *(f"{a} to {b}" for a, b in pairwise(shown)), f"from {shown[-1]}"]
    return list(zip(STEPS, [name.replace("-", "\N{MINUS SIGN}") for name in names], strict=True))


def edges_of(run: SweepRun) -> tuple[float, ...]:
    """Gains at which the colour changes, the same on all maps of a run: losses and gains each in thirds, so that where
    everything lost one sees where it lost least.
    """
    balance = _balance(run)
    cells = [cell for heat in run.heat.values() for row in heat["cells"] for cell in row if cell is not None]
    gains = np.array(cells, np.float64) / balance - 1.0
    below, above = _thirds(-gains[gains < -FLAT]), _thirds(gains[gains >= FLAT])
    return (-below[1], -below[0], -FLAT, FLAT, *above)


def _thirds(sizes: np.ndarray) -> tuple[float, float]:
    if not sizes.size:
        return 0.15, 0.30
    first, second = (float(np.quantile(sizes, share)) for share in (1 / 3, 2 / 3))
    return first, second


def _balance(run: SweepRun) -> float:
    return float(run.rules.get("balance", 1000.0))


def _map(symbol: str, heat: dict[str, Any], balance: float, edges: tuple[float, ...]) -> HeatMap:
    x, y, xs = heat["x"], heat["y"], [f"{value:g}" for value in heat["x_values"]]
    present = [cell for row in heat["cells"] for cell in row if cell is not None]
    best, rows = max(present, default=None), []
    for value, cells in zip(heat["y_values"], heat["cells"], strict=True):
        at = f"{y} {value:g}" if y else ""
        row = [_cell(one, f"{x} {number}", at, balance, best, edges) for number, one in zip(xs, cells, strict=True)]
        rows.append((f"{value:g}" if y else "", row))
    return HeatMap(symbol, x, y, xs, rows[::-1], "" if best is None else f"{best:,.2f}")


def _cell(equity: float | None, x: str, y: str, balance: float, best: float | None, edges: tuple[float, ...]) -> Cell:
    where = ", ".join(part for part in (y, x.strip()) if part)
    if equity is None:
        return Cell("", f"{where}: no such set")
    gain = equity / balance - 1
    step = STEPS[sum(gain >= edge for edge in edges)]
    return Cell(step, f"{where}: {equity:,.2f} ({gain:+.1%})", equity == best)
