"""Sweeps of parameter sets over files of candles: run, keep the best, run those again through the engine."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from signals.sweep.backends import Backend
from signals.sweep.data import Series, series_read
from signals.sweep.grid import Grid
from signals.sweep.heat import Heat, heat_of
from signals.sweep.rules import Rules, SweepError
from signals.sweep.run import Figures
from trading.backtest.data import DataError, files_of, symbol_of
from trading.backtest.rerun import EngineFigures, engine_run

Say = Callable[[str], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class SweepOrder:
    """What is wanted: `top` 0 keeps every set; the best `rerun` of them go through the engine."""

    grid: Grid
    rules: Rules
    source: Path
    symbols: tuple[str, ...] = ()
    top: int = 20
    rerun: int = 20


@dataclass(slots=True)
class SweepRow:
    """One parameter set on one symbol."""

    symbol: str
    params: dict[str, float]
    trades: int
    open: bool
    final_equity: float
    max_drawdown: float
    engine: EngineFigures | None = None
    engine_refusal: str = ""

    def as_json(self) -> dict[str, Any]:
        """The line that scripts read; `engine` is None where it was not run."""
        return {
            "symbol": self.symbol,
            "params": self.params,
            "trades": self.trades,
            "final_equity": self.final_equity,
            "max_drawdown": self.max_drawdown,
            "open": self.open,
            "engine": self.engine.as_json() if self.engine else None,
        }


@dataclass(slots=True)
class SweepOutcome:
    """Rows best first, heat maps by symbol, what went wrong with which symbol, and how far it came."""

    rows: list[SweepRow] = field(default_factory=list)
    heat: dict[str, Heat] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    stopped: bool = False


class Sweep:
    """One sweep at work. `stop` may be set from elsewhere: what is done until then is kept."""

    def __init__(
        self, order: SweepOrder, backend: Backend, *, say: Say = lambda text: None, progress: Progress | None = None
    ) -> None:
        """Raises SweepError when the source has no such files."""
        self.order, self.backend, self.say, self.progress = order, backend, say, progress
        try:
            self.files = files_of(order.source, order.symbols)
        except DataError as error:
            raise SweepError(str(error)) from error
        self.stop = Event()
        self.outcome = SweepOutcome(total=len(self.files) * len(order.grid))
        self.tables: dict[str, Series] = {}

    def run(self) -> SweepOutcome:
        """Sweep every symbol, then the engine for the best; an interrupt stops it and keeps what is done."""
        try:
            for series, figures in self.backend.sweep(
                self._series(), self.order.grid, self.order.rules, self.stop, self._told
            ):
                self._taken(series, figures)
            self._engine()
        except KeyboardInterrupt:
            self.stop.set()
        if self.stop.is_set():
            self.outcome.stopped = True
            self.say(f"stopped; {self.outcome.done:,} of {self.outcome.total:,} sets are done")
        return self.outcome

    def _series(self) -> Iterator[Series]:
        """Usable symbols, read when their turn comes."""
        for file in self.files:
            if self.stop.is_set():
                return
            try:
                series = series_read(file, symbol_of(file))
            except SweepError as error:
                self.outcome.refused[symbol_of(file)] = str(error)
                self.outcome.total -= len(self.order.grid)
                self.say(f"{error} It was left out.")
                continue
            for notice in series.notices:
                self.say(f"{series.symbol}: {notice}")
            yield series

    def _told(self, sets: int) -> None:
        self.outcome.done += sets
        if self.progress is not None:
            self.progress(self.outcome.done, self.outcome.total)

    def _taken(self, series: Series, figures: Figures) -> None:
        """Keep the best of one symbol among the best of all, and its heat map."""
        rows = [_row(series.symbol, self.order.grid, figures, number) for number in best(figures, self.order.top)]
        kept = sorted([*self.outcome.rows, *rows], key=_rank)
        self.outcome.rows = kept[: self.order.top] if self.order.top else kept
        named = {row.symbol for row in self.outcome.rows}
        self.outcome.heat[series.symbol] = heat_of(self.order.grid, figures)
        self.tables[series.symbol] = series
        for gone in set(self.outcome.heat) - named:
            self.outcome.heat.pop(gone)
            self.tables.pop(gone)

    def _engine(self) -> None:
        rows = self.outcome.rows[: self.order.rerun]
        for number, row in enumerate(rows):
            if self.stop.is_set():
                return
            self.say(f"engine: {number + 1} of {len(rows)}")
            run = partial(engine_run, row.symbol, self.tables[row.symbol].table, self.order.grid.strategy)
            try:
                row.engine = run(self.order.grid.strategy.validate(row.params), self.order.rules)
            except DataError as error:
                row.engine_refusal = str(error)
                self.say(str(error))


def best(figures: Figures, top: int) -> list[int]:
    """Numbers of the sets with the highest final equity, best first, those not done left out; all with top 0."""
    order = np.argsort(-np.where(figures.done, figures.final_equity, -np.inf), kind="stable")
    order = order[figures.done[order]]
    return [int(number) for number in (order[:top] if top else order)]


def _rank(row: SweepRow) -> tuple[float, str, Sequence[float]]:
    return (-row.final_equity, row.symbol, tuple(row.params.values()))


def _row(symbol: str, grid: Grid, figures: Figures, number: int) -> SweepRow:
    return SweepRow(
        symbol=symbol,
        params=grid.params(number),
        trades=int(figures.trades[number]),
        open=bool(figures.open[number]),
        final_equity=float(figures.final_equity[number]),
        max_drawdown=float(figures.max_drawdown[number]),
    )
