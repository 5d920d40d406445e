"""Keeping candles: the window of each exchange and timeframe up to date, and its history in Parquet."""

import logging
import threading
import time
from dataclasses import dataclass

from accounts.exchanges import loop
from accounts.exchanges.errors import ExchangeRetry
from signals.candles import store
from signals.candles.feed import candles_get
from signals.candles.fetch import Fetched, Want, candles_fetch
from signals.candles.matrix import CandleMatrix, CandleTable
from signals.candles.window import CandleWindow
from signals.domain.timeframes import open_ms
from signals.models import CandleSeries, Instrument
from signals.selectors import holes_of_market
from signals.services.series import series_store
from signals.services.troubles import troubles_note

FLUSH_EVERY = 60  # candles of a lane that wait in the hot window before its month file is rewritten
FETCH_TIMEOUT_S = 10.0
FIRST_FETCH_TIMEOUT_S = 60.0
PATIENCE = 2  # candles after which a candle the exchange does not have is given up
log = logging.getLogger(__name__)

_windows: dict[tuple[str, str], CandleWindow] = {}
_locks: dict[tuple[str, str], threading.Lock] = {}
_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class WindowUpdate:
    """The window after an update: its candles up to the one asked for, the lanes that lack it, and the time it took."""

    matrix: CandleMatrix
    late: tuple[str, ...]
    errors: dict[str, str]
    fetch_ms: float
    touched: frozenset[str] = frozenset()  # lanes of which an earlier candle has come or changed since the last update


def window_update(*, exchange: str, timeframe: str, candle_open_ms: int, symbols: list[str]) -> WindowUpdate:
    """Bring the window of these symbols up to one closed candle: websocket candles first, REST for what is missing.

    Holes are repaired on the way. Raises ExchangeRetry when no lane at all could be fetched.
    """
    with _lock(exchange, timeframe):
        began = time.monotonic()
        window = _window(exchange, timeframe)
        changed = window.symbols != symbols or not window.hopeless_known
        if window.symbols != symbols:
            _lanes_change(window, symbols)
        window.advance(candle_open_ms)
        if changed:
            _holes_know(window)
            window.hopeless_known = True
        window.put(candle_open_ms, candles_get(exchange, timeframe, candle_open_ms))
        fetched = _repair(window)
        matrix = window.matrix()
        late = window.lacking(candle_open_ms)
        if late and len(late) == len(symbols) and fetched.errors:
            raise ExchangeRetry(f"No candles from {exchange}: {next(iter(fetched.errors.values()))}")
        troubles_note(exchange=exchange, failed=fetched.errors, well=set(symbols) - set(late))
        touched, window.touched = frozenset(window.touched), set()
        took_ms = (time.monotonic() - began) * 1000
        return WindowUpdate(matrix.upto(candle_open_ms), late, fetched.errors, took_ms, touched)


def window_keep(*, exchange: str, timeframe: str) -> None:
    """Write the window to its file, for other processes and the next start; after the scan, which must not wait for
    it.
    """
    with _lock(exchange, timeframe):
        store.hot_write(exchange, timeframe, _window(exchange, timeframe).matrix())


def history_flush(*, exchange: str, timeframe: str, everything: bool = False) -> int:
    """Write lanes with at least FLUSH_EVERY new candles (or corrected ones) to their month files and the manifest.

    `everything` writes lanes with any new candle. Returns how many lanes were written.
    """
    with _lock(exchange, timeframe):
        window = _window(exchange, timeframe)
        return _flush(window, window.symbols, 1 if everything else FLUSH_EVERY)


def corrections_waiting(*, exchange: str, timeframe: str) -> dict[str, int]:
    """Symbol to its corrected candles that are in this process's window and not in the manifest yet."""
    window = _windows.get((exchange, timeframe))
    return dict(window.corrected) if window else {}


def windows_forget() -> None:
    """Forget all windows of this process (tests)."""
    with _guard:
        _windows.clear()
        _locks.clear()


def _lock(exchange: str, timeframe: str) -> threading.Lock:
    with _guard:
        return _locks.setdefault((exchange, timeframe), threading.Lock())


def _window(exchange: str, timeframe: str) -> CandleWindow:
    window = _windows.get((exchange, timeframe))
    if window is None:
        window = CandleWindow(exchange, timeframe)
        hot = store.hot_read(exchange, timeframe)
        window.symbols_set(list(hot.symbols))
        window.load(hot)
        _windows[exchange, timeframe] = window
    return window


def _lanes_change(window: CandleWindow, symbols: list[str]) -> None:
    """Lanes that leave the scan are stored first, so that nothing is lost with them."""
    leaving = [symbol for symbol in window.symbols if symbol not in symbols]
    if leaving:
        _flush(window, leaving, 1)
    window.symbols_set(symbols)


def _repair(window: CandleWindow) -> Fetched:
    starts = window.missing()
    wants = [Want(symbol, since) for symbol, since in starts.items()]
    if not wants:
        return Fetched()
    longest = max(window.end_ms - want.since_ms for want in wants) // window.step
    timeout_s = FIRST_FETCH_TIMEOUT_S if longest > FLUSH_EVERY else FETCH_TIMEOUT_S
    until = window.end_ms + window.step
    fetched = loop.run(_fetch(window, wants, until, timeout_s), timeout_s=timeout_s + 30.0)
    for symbol, table in fetched.tables.items():
        window.merge(symbol, table)
        window.give_up(symbol, starts[symbol], window.end_ms - PATIENCE * window.step)
    return fetched


async def _fetch(window: CandleWindow, wants: list[Want], until_ms: int, timeout_s: float) -> Fetched:
    from accounts.exchanges.factory import public_client

    client = public_client(window.exchange)
    return await candles_fetch(client, timeframe=window.timeframe, wants=wants, until_ms=until_ms, timeout_s=timeout_s)


def _flush(window: CandleWindow, symbols: list[str], at_least: int) -> int:
    """Store the lanes that have news; one whose file is damaged waits in the window until it is repaired."""
    instruments = Instrument.objects.filter(exchange=window.exchange, symbol__in=symbols)
    newest = dict(
        CandleSeries.objects.filter(instrument__in=instruments, timeframe=window.timeframe).values_list(
            "instrument_id", "last_open"
        )
    )
    matrix, written = window.matrix(), 0
    for instrument in instruments:
        table, last = matrix.table(instrument.symbol), newest.get(instrument.pk)
        news = len(table) if last is None else len(table.between(open_ms(last) + 1, None))
        if len(table) and (news >= at_least or (last is None and news) or instrument.symbol in window.corrected):
            written += _lane_store(window, instrument, table)
    return written


def _lane_store(window: CandleWindow, instrument: Instrument, table: CandleTable) -> int:
    """The whole lane is offered: what came late, behind candles that were stored before, is stored too."""
    corrected = window.corrected.get(instrument.symbol, 0)
    try:
        series_store(instrument=instrument, timeframe=window.timeframe, table=table, corrected=corrected)
    except store.CandleFileDamaged as error:
        log.error("The candles of %s are not stored: %s", instrument.symbol, error)
        return 0
    window.corrected.pop(instrument.symbol, None)
    return 1


def _holes_know(window: CandleWindow) -> None:
    known = holes_of_market(exchange=window.exchange, timeframe=window.timeframe, since_ms=max(window.start_ms, 0))
    for symbol, ranges in known.items():
        window.holes_know(symbol, ranges)
