"""The X-ray of a market: computed from the hot window after a candle's signals are out, in a task of its own.

The latest state of each symbol is one row (`SymbolXray`, one bulk upsert a candle); history goes to Parquet in batches.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import numpy as np

from accounts.clock import now
from signals.candles.matrix import FIELDS, CandleMatrix
from signals.candles.store import hot_read
from signals.domain.lanes import Lanes
from signals.domain.timeframes import open_time, timeframe_ms
from signals.domain.xray import (
    INDICATORS,
    NEEDED,
    REGIMES,
    Best,
    Regimes,
    Scores,
    Tally,
    best_of,
    liquidity,
    potential,
    regimes_of,
    scores_of,
)  # fmt: skip
from signals.models import Instrument, RegimeResult, SymbolXray
from signals.xray_history import SCORES, Block, history_last_ms, history_write

HISTORY_EVERY_MS = 5 * 60_000  # how long candles wait before their day file is rewritten
AGAIN = 5  # stored candles that are written once more: a lane may have come late
UPDATED = (
    "candle_open_time", "regime", "regime_since", *SCORES, "mean_range",
    "strategy", "strategy_trades", "strategy_mean", "strategy_note", "updated_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """The X-ray of a matrix: regimes, all stored scores by name, and the mean range; arrays (symbols, time)."""

    matrix: CandleMatrix
    regimes: Regimes
    scores: dict[str, np.ndarray]
    ranges: np.ndarray


def xray_update(*, exchange: str, timeframe: str, candle_open_ms: int) -> int:
    """Bring the rows of a market to this candle. Returns how many rows were written.

    Symbols whose candle has not come keep their row; one that is there already is not written again, so a repeated call
    does nothing. Nothing happens when the hot window does not reach the candle.
    """
    matrix = hot_read(exchange, timeframe).upto(candle_open_ms)
    if not matrix.open_time_ms.size or int(matrix.open_time_ms[-1]) != candle_open_ms:
        return 0
    instruments = _instruments(exchange, matrix.symbols)
    matrix = matrix.pick([one.symbol for one in instruments])
    before = _rows_before(exchange, timeframe, instruments)
    wanted = _wanted(matrix, instruments, before)
    if not wanted:
        return 0
    last_ms = history_last_ms(exchange, timeframe)
    picture = _recent(matrix, instruments, last_ms)
    _upsert(picture, instruments, wanted, before, timeframe, _best(exchange, timeframe))
    _history(exchange, timeframe, picture, last_ms)
    return len(wanted)


def picture_of(matrix: CandleMatrix, liquid: np.ndarray, newest: int | None = None) -> Picture:
    """Everything the X-ray says of a matrix; `liquid` float64 (symbols,). See `scores_of` for `newest`."""
    from signals.scan.pass_cpu import lanes_compute

    lanes = lanes_compute(matrix, INDICATORS)
    return _pictured(matrix, lanes, liquid, newest)


def _pictured(matrix: CandleMatrix, lanes: Lanes, liquid: np.ndarray, newest: int | None) -> Picture:
    scores: Scores = scores_of(lanes, newest)
    regimes = regimes_of(lanes, scores)
    columns = {name: getattr(scores, name) for name in Scores.__dataclass_fields__}
    columns |= {
        "strength": regimes.strength,
        "liquidity": np.broadcast_to(liquid[:, None], matrix.close.shape),
        "potential": potential(scores, liquid, regimes.regime),
    }
    return Picture(matrix, regimes, columns, lanes["natr_14"] / 100.0)


def _instruments(exchange: str, symbols: tuple[str, ...]) -> list[Instrument]:
    rows = Instrument.objects.filter(exchange=exchange, symbol__in=symbols, selected=True, active=True)
    return list(rows.order_by("symbol"))


def _rows_before(exchange: str, timeframe: str, instruments: list[Instrument]) -> dict[int, SymbolXray]:
    """The rows of these instruments by instrument; those of symbols that left the scan are removed: they would be taken
    for the present state.
    """
    rows = list(SymbolXray.objects.filter(instrument__exchange=exchange, timeframe=timeframe))
    scanned = {one.pk for one in instruments}
    if gone := [row.pk for row in rows if row.instrument_id not in scanned]:
        SymbolXray.objects.filter(pk__in=gone).delete()
    return {row.instrument_id: row for row in rows if row.instrument_id in scanned}


def _wanted(matrix: CandleMatrix, instruments: list[Instrument], before: dict[int, SymbolXray]) -> list[int]:
    """Lanes that have the newest candle and whose row is older than it."""
    present, candle = ~np.isnan(matrix.close[:, -1]), open_time(int(matrix.open_time_ms[-1]))
    old = [one.pk not in before or before[one.pk].candle_open_time < candle for one in instruments]
    return [lane for lane in range(len(instruments)) if present[lane] and old[lane]]


def _recent(matrix: CandleMatrix, instruments: list[Instrument], last_ms: int | None) -> Picture:
    """The X-ray of as many candles as the history lacks, computed with all that they rest on."""
    fresh = int((matrix.open_time_ms > last_ms).sum()) if last_ms is not None else matrix.open_time_ms.size
    kept = slice(-(NEEDED + fresh + AGAIN), None)
    recent = CandleMatrix(
        matrix.symbols, matrix.open_time_ms[kept], *(getattr(matrix, name)[:, kept] for name in FIELDS)
    )
    volume = np.array([one.volume_quote_24h for one in instruments], np.float64)
    spread = np.array([np.nan if one.spread is None else one.spread for one in instruments], np.float64)
    return picture_of(recent, liquidity(volume, spread), fresh + AGAIN)


def _best(exchange: str, timeframe: str) -> dict[str, tuple[Best | None, str]]:
    """By regime the strategy that has paid best among those that are scanned, or why there is none."""
    rows = RegimeResult.objects.filter(exchange=exchange, timeframe=timeframe, strategy__enabled=True)
    found: dict[str, tuple[Best | None, str]] = {}
    for regime, group in groupby(rows.order_by("regime", "pk"), key=lambda row: row.regime):
        found[regime] = best_of(
            Tally(row.strategy_id, row.trades, row.mean, row.source == RegimeResult.Source.BACKTEST) for row in group
        )
    return found


def _upsert(
    picture: Picture, instruments: list[Instrument], wanted: list[int], before: dict[int, SymbolXray],
    timeframe: str, best: dict[str, tuple[Best | None, str]],
) -> None:  # fmt: skip
    rows = []
    for lane in wanted:
        instrument = instruments[lane]
        row = SymbolXray(instrument=instrument, timeframe=timeframe, updated_at=now())
        _fill(row, picture, lane, before.get(instrument.pk))
        _recommend(row, best)
        rows.append(row)
    SymbolXray.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["instrument", "timeframe"], update_fields=UPDATED, batch_size=500
    )


def _fill(row: SymbolXray, picture: Picture, lane: int, before: SymbolXray | None) -> None:
    row.candle_open_time = open_time(int(picture.matrix.open_time_ms[-1]))
    row.regime = REGIMES[int(picture.regimes.regime[lane, -1])]
    row.regime_since = _since(picture, lane, row.regime, before)
    for name in SCORES:
        value = float(picture.scores[name][lane, -1])
        setattr(row, name, round(value, 6) if np.isfinite(value) else None)
    mean_range = float(picture.ranges[lane, -1])
    row.mean_range = round(mean_range, 8) if np.isfinite(mean_range) else None


def _since(picture: Picture, lane: int, regime: str, before: SymbolXray | None) -> datetime:
    """When the regime began; what began before the window is what the row said."""
    column = int(picture.regimes.since[lane, -1])
    found = open_time(int(picture.matrix.open_time_ms[column]))
    cut_off = column == 0 or picture.regimes.regime[lane, column - 1] == 0
    if cut_off and before is not None and before.regime == regime:
        return min(found, before.regime_since)
    return found


def _recommend(row: SymbolXray, best: dict[str, tuple[Best | None, str]]) -> None:
    found, why = best.get(row.regime, (None, "No trades have been measured in this regime."))
    if row.regime == REGIMES[0]:
        found, why = None, "The regime is not known."
    row.strategy_note = why[:120]
    if found is not None:
        row.strategy_id, row.strategy_trades, row.strategy_mean = found.strategy, found.trades, found.mean


def _history(exchange: str, timeframe: str, picture: Picture, last_ms: int | None) -> None:
    """Write what the history lacks once enough has gathered (always a whole candle of a longer timeframe)."""
    times, step = picture.matrix.open_time_ms, timeframe_ms(timeframe)
    if last_ms is not None and int(times[-1]) - last_ms < max(HISTORY_EVERY_MS, step):
        return
    first = 0 if last_ms is None else int(np.searchsorted(times, last_ms - AGAIN * step, side="right"))
    known = picture.regimes.regime[:, first:] > 0
    history_write(exchange, timeframe, Block(
        picture.matrix.symbols, times[first:],
        np.array(REGIMES, dtype=object)[picture.regimes.regime[:, first:]],
        {name: picture.scores[name][:, first:] for name in SCORES},
        known,
    ))  # fmt: skip
