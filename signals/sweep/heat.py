"""A sweep's results as a small map: final equity over two swept parameters."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from signals.sweep.grid import Grid
from signals.sweep.run import Figures

MOST = 48  # cells a side; more values share cells


@dataclass(frozen=True, slots=True)
class Heat:
    """Best final equity in each cell, rows by `y` upwards, columns by `x`; None where there is no set.

    With more than two swept parameters a cell holds the best over the others; with one, there is one row.
    """

    x: str
    y: str
    x_values: tuple[float, ...]
    y_values: tuple[float, ...]
    cells: tuple[tuple[float | None, ...], ...]

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "x": self.x, "y": self.y, "x_values": list(self.x_values), "y_values": list(self.y_values),
            "cells": [list(row) for row in self.cells],
        }  # fmt: skip


def heat_of(grid: Grid, figures: Figures) -> Heat:
    """The map over the first two parameters that have more than one value."""
    wide = sorted(range(len(grid.names)), key=lambda place: len(grid.choices[place]) == 1)[:2]
    x, y = sorted(wide)[-1] if wide else None, sorted(wide)[0] if len(wide) > 1 else None
    x_values, x_cell = _axis(grid, x)
    y_values, y_cell = _axis(grid, y)
    cells = np.full((len(y_values), len(x_values)), -np.inf)
    done = figures.done
    np.maximum.at(cells, (y_cell[done], x_cell[done]), figures.final_equity[done])
    rows = tuple(tuple(None if np.isneginf(one) else float(f"{one:.6g}") for one in row) for row in cells)
    return Heat(_name(grid, x), _name(grid, y), x_values, y_values, rows)


def _name(grid: Grid, place: int | None) -> str:
    return "" if place is None else grid.names[place]


def _axis(grid: Grid, place: int | None) -> tuple[tuple[float, ...], np.ndarray]:
    """The first value of each cell, and every set's cell."""
    if place is None:
        return (0.0,), np.zeros(len(grid), np.int64)
    values = np.array(sorted(grid.choices[place]))
    share = -(-values.size // MOST)
    return tuple(values[::share].tolist()), np.searchsorted(values, grid.values[:, place]) // share
