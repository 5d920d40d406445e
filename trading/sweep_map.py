"""A stored sweep's maps as rows of coloured cells for a template."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from trading.models import SweepRun

STEPS = ("n3", "n2", "n1", "0", "p1", "p2", "p3")
EDGES = (-0.30, -0.15, -0.02, 0.02, 0.15, 0.30)  # gain as a fraction of the start balance


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
    balance = float(run.rules.get("balance", 1000.0))
    return [_map(symbol, heat, balance) for symbol, heat in sorted(run.heat.items())]


def legend() -> list[tuple[str, str]]:
    """Heat steps and what they mean."""
    names = [f"below {EDGES[0]:+.0%}", *(f"{a:+.0%} to {b:+.0%}" for a, b in pairwise(EDGES)), f"from {EDGES[-1]:+.0%}"]
    return list(zip(STEPS, [name.replace("-", "\N{MINUS SIGN}") for name in names], strict=True))


def _map(symbol: str, heat: dict[str, Any], balance: float) -> HeatMap:
    x, y, xs = heat["x"], heat["y"], [f"{value:g}" for value in heat["x_values"]]
    present = [cell for row in heat["cells"] for cell in row if cell is not None]
    best, rows = max(present, default=None), []
    for value, cells in zip(heat["y_values"], heat["cells"], strict=True):
        at = f"{y} {value:g}" if y else ""
        row = [_cell(one, f"{x} {number}", at, balance, best) for number, one in zip(xs, cells, strict=True)]
        rows.append((f"{value:g}" if y else "", row))
    return HeatMap(symbol, x, y, xs, rows[::-1], "" if best is None else f"{best:,.2f}")


def _cell(equity: float | None, x: str, y: str, balance: float, best: float | None) -> Cell:
    where = ", ".join(part for part in (y, x.strip()) if part)
    if equity is None:
        return Cell("", f"{where}: no such set")
    gain = equity / balance - 1
    step = STEPS[sum(gain >= edge for edge in EDGES)]
    return Cell(step, f"{where}: {equity:,.2f} ({gain:+.1%})", equity == best)
