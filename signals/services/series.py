"""One candle series: its month files and its manifest row, always written together under the series' lock."""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce

import numpy as np

from accounts.clock import now
from signals.candles.files import series_lock
from signals.candles.holes import Range, candles_in
from signals.candles.matrix import CandleTable
from signals.candles.months import month_read
from signals.candles.store import Written, month_paths, months_write
from signals.domain.timeframes import open_ms, open_time, timeframe_ms
from signals.models import CandleHole, CandleSeries, Instrument

IMPORTED = "Known from imported candles only."
AMOUNT_WORTH = Decimal("0.001")  # a lot is the power of ten worth about this much quote currency
MOST_PLACES = 12


def series_store(*, instrument: Instrument, timeframe: str, table: CandleTable, corrected: int = 0) -> Written:
    """Merge candles into the series and bring its manifest up to date; nothing happens when all is there already.

    `corrected` are corrections the caller saw that the files may not show; the revision grows by the larger number.
    Raises CandleFileDamaged before anything of that month is written.
    """
    with series_lock(instrument.exchange, timeframe, instrument.symbol):
        written = months_write(instrument.exchange, instrument.symbol, timeframe, table)
        row = CandleSeries.objects.filter(instrument=instrument, timeframe=timeframe).first()
        if row is None or row.last_open is None:
            series_describe(instrument=instrument, timeframe=timeframe, corrected=max(written.corrected, corrected))
        elif written != Written() or corrected:
            _described(row, table, written, corrected)
        return written


def series_describe(*, instrument: Instrument, timeframe: str, corrected: int = 0) -> CandleSeries:
    """Make the manifest row anew from the files; its revision grows by `corrected`. Raises CandleFileDamaged."""
    with series_lock(instrument.exchange, timeframe, instrument.symbol):
        times = series_times(instrument.exchange, instrument.symbol, timeframe)
        row, _ = CandleSeries.objects.get_or_create(instrument=instrument, timeframe=timeframe)
        row.first_open = open_time(int(times[0])) if times.size else None
        row.last_open = open_time(int(times[-1])) if times.size else None
        return _saved(row, times.size, corrected)


def series_times(exchange: str, symbol: str, timeframe: str) -> np.ndarray:
    """Open times (int64 ms, increasing) of all stored candles of a series. Raises CandleFileDamaged."""
    times = [month_read(path).open_time_ms for path in month_paths(exchange, symbol, timeframe)]
    return np.unique(np.concatenate(times)) if times else np.empty(0, np.int64)


def holes_mark(*, instrument: Instrument, timeframe: str, ranges: Iterable[Range], reason: str) -> int:
    """Remember ranges [since, until) (ms) that never had a candle. Returns how many candles they span.

    A range that begins where a known one ends makes that one longer.
    """
    step, marked = timeframe_ms(timeframe), list(ranges)
    series, _ = CandleSeries.objects.get_or_create(instrument=instrument, timeframe=timeframe)
    for first, stop in marked:
        last = open_time(stop - step)
        before = CandleHole.objects.filter(series=series, last_open=open_time(first - step), reason=reason)
        if not before.update(last_open=last):
            CandleHole.objects.update_or_create(
                series=series, first_open=open_time(first), defaults={"last_open": last, "reason": reason}
            )
    return candles_in(marked, step)


def instrument_ensure(*, exchange: str, symbol: str, table: CandleTable) -> Instrument:
    """The instrument of imported candles; one that the exchange was never asked about is made, inactive.

    Its limits are guesses from the prices until the exchange's markets are loaded.
    """
    base, _, quote = symbol.partition("/")
    price = float(np.median(table.close))
    guesses = {"market_id": base + quote, "base": base, "quote": quote, "active": False, "selection_reason": IMPORTED}
    lot = min(max((AMOUNT_WORTH / Decimal(repr(price))).adjusted(), -8), 0)
    places = reduce(max, (_places(value) for value in table.close[-2000:].tolist()), 0)
    found, _ = Instrument.objects.get_or_create(
        exchange=exchange,
        symbol=symbol,
        market_type="spot",
        defaults=guesses | {"tick_size": Decimal(1).scaleb(-places), "lot_size": Decimal(1).scaleb(lot)},
    )
    return found


def _described(row: CandleSeries, table: CandleTable, written: Written, corrected: int) -> None:
    assert row.first_open is not None and row.last_open is not None
    row.first_open = min(row.first_open, open_time(int(table.open_time_ms[0])))
    row.last_open = max(row.last_open, open_time(int(table.open_time_ms[-1])))
    _saved(row, row.rows + written.added, max(written.corrected, corrected))


def _saved(row: CandleSeries, rows: int, corrected: int) -> CandleSeries:
    """gaps counts every open time between first and last that has no candle, whether or not there ever was one."""
    span = 0
    if row.first_open is not None and row.last_open is not None:
        span = (open_ms(row.last_open) - open_ms(row.first_open)) // timeframe_ms(row.timeframe) + 1
    row.rows, row.gaps, row.updated_at = rows, max(span - rows, 0), now()
    row.revision += corrected
    row.save()
    return row


def _places(price: float) -> int:
    exponent = Decimal(repr(price)).normalize().as_tuple().exponent
    return min(max(-int(exponent), 0), MOST_PLACES)
