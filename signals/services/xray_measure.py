"""What strategies have paid by regime: trades that were made, and a simple backtest over stored candles, once a day.

The regime of a trade is the one at the candle of its signal, computed from the stored candles by the X-ray's own model
(so it does not depend on how long the X-ray's history is kept).
"""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from django.db import transaction

from accounts.clock import now
from signals.candles.matrix import FIELDS, CandleMatrix, CandleTable
from signals.candles.store import CandleFileDamaged, history_read
from signals.domain.timeframes import open_ms, timeframe_ms
from signals.domain.xray import INDICATORS, REGIMES, regimes_of, scores_of
from signals.domain.xray.best import trades_of
from signals.models import Instrument, Outcome, RegimeResult
from signals.versions import Version, versions_enabled

CANDLES = 10_000  # newest candles of each symbol that the backtest runs over
AGE = timedelta(days=1)  # after which a market is measured anew
TOGETHER = 16  # symbols computed at once: one block of lanes
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Measured:
    """Returns by (strategy id, regime, source); `unplaced` are outcomes whose candle or regime is not known."""

    returns: dict[tuple[int, int, str], list[float]] = field(default_factory=dict)
    symbols: int = 0
    outcomes: int = 0
    unplaced: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, strategy: int, regime: int, source: str, value: float) -> None:
        """One trade."""
        self.returns.setdefault((strategy, regime, source), []).append(value)


def xray_measure(*, exchange: str, timeframe: str, candles: int = CANDLES) -> Measured:
    """Measure anew and replace the rows of this market (`RegimeResult`) in one transaction.

    A strategy that raises is reported in `failures` and left out; the others are measured. A symbol whose candles
    cannot be read is left out likewise.
    """
    measured, versions = Measured(), versions_enabled()
    rows = list(Instrument.objects.filter(exchange=exchange, candle_series__timeframe=timeframe).order_by("symbol"))
    for first in range(0, len(rows), TOGETHER):
        _group(rows[first : first + TOGETHER], timeframe, candles, versions, measured)
    fresh = [_row(exchange, timeframe, key, values) for key, values in sorted(measured.returns.items())]
    with transaction.atomic():
        RegimeResult.objects.filter(exchange=exchange, timeframe=timeframe).delete()
        RegimeResult.objects.bulk_create(fresh, batch_size=500)
    return measured


def xray_measure_due(*, exchange: str, timeframe: str) -> bool:
    """Whether this market was not measured for a day. One without any trade to measure stays due: it is soon done."""
    fresh = RegimeResult.objects.filter(exchange=exchange, timeframe=timeframe, measured_at__gt=now() - AGE)
    return not fresh.exists()


def _row(exchange: str, timeframe: str, key: tuple[int, int, str], values: list[float]) -> RegimeResult:
    strategy, regime, source = key
    return RegimeResult(
        exchange=exchange, timeframe=timeframe, regime=REGIMES[regime], strategy_id=strategy, source=source,
        trades=len(values), mean=float(np.mean(values)), won=sum(one > 0.0 for one in values), measured_at=now(),
    )  # fmt: skip


def _group(rows: list[Instrument], timeframe: str, candles: int, versions: list[Version], measured: Measured) -> None:
    from signals.scan.pass_cpu import lanes_compute

    tables = {row: table for row in rows if len(table := _table(row, timeframe, candles, measured)) > 1}
    if not tables:
        return
    matrix = _matrix({row.symbol: table for row, table in tables.items()}, timeframe_ms(timeframe), candles)
    lanes = lanes_compute(matrix, INDICATORS)
    regime = regimes_of(lanes, scores_of(lanes, newest=0)).regime
    measured.symbols += len(tables)
    _outcomes(list(tables), timeframe, matrix, regime, measured)
    fees = [float(row.taker_fee) for row in tables]
    for version in versions:
        try:
            _backtest(version, matrix, regime, fees, measured)
        except Exception as error:
            log.exception("The backtest by regime of strategy version %d failed; the others go on.", version.pk)
            measured.failures.append(f"Strategy version {version.pk}: {error}")


def _table(row: Instrument, timeframe: str, candles: int, measured: Measured) -> CandleTable:
    try:
        return history_read(exchange=row.exchange, symbol=row.symbol, timeframe=timeframe, limit=candles)
    except CandleFileDamaged as error:
        measured.failures.append(str(error))
        return CandleTable.empty()


def _matrix(tables: dict[str, CandleTable], step: int, candles: int) -> CandleMatrix:
    """The newest candles of all tables on an unbroken grid, so that a hole is a hole for every lane."""
    last = max(int(table.open_time_ms[-1]) for table in tables.values())
    first = max(min(int(table.open_time_ms[0]) for table in tables.values()), last - (candles - 1) * step)
    times = np.arange(first, last + 1, step, dtype=np.int64)
    values = np.full((len(FIELDS), len(tables), times.size), np.nan)
    for lane, table in enumerate(tables.values()):
        near = table.between(first, None)
        on_grid = near.where((near.open_time_ms - first) % step == 0)
        for place, name in enumerate(FIELDS):
            values[place, lane, (on_grid.open_time_ms - first) // step] = getattr(on_grid, name)
    return CandleMatrix(tuple(tables), times, *values)


def _backtest(
    version: Version, matrix: CandleMatrix, regime: np.ndarray, fees: list[float], measured: Measured
) -> None:
    from signals.scan.pass_cpu import lanes_compute

    lanes = lanes_compute(matrix, version.rules.indicators(version.values))
    side = version.rules.decide(lanes, version.values).side
    for lane, fee in enumerate(fees):
        regimes, returns = trades_of(side[lane], lanes.open[lane], regime[lane], fee)
        for one, value in zip(regimes.tolist(), returns.tolist(), strict=True):
            if one:
                measured.add(version.pk, one, RegimeResult.Source.BACKTEST, value)


def _outcomes(
    rows: list[Instrument], timeframe: str, matrix: CandleMatrix, regime: np.ndarray, measured: Measured
) -> None:
    places = {row.pk: lane for lane, row in enumerate(rows)}
    found = Outcome.objects.filter(instrument__in=rows, timeframe=timeframe, strategy__isnull=False)
    for instrument, strategy, candle, value in found.values_list(
        "instrument_id", "strategy_id", "signal__candle_open_time", "return_net"
    ):
        measured.outcomes += 1
        at = -1 if candle is None else int(np.searchsorted(matrix.open_time_ms, open_ms(candle)))
        there = 0 <= at < matrix.open_time_ms.size and matrix.open_time_ms[at] == open_ms(candle)
        one = int(regime[places[instrument], at]) if there else 0
        if one and strategy is not None:
            measured.add(strategy, one, RegimeResult.Source.OUTCOMES, value)
        else:
            measured.unplaced += 1
