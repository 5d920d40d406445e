"""What every signal keeps, so that it can be made again: hash, number and revision of its candles, and parameters."""

import threading
from typing import Any

from signals.candles.fingerprint import Fingerprints
from signals.candles.matrix import CandleMatrix, CandleTable
from signals.candles.store import history_read
from signals.domain.strategies import REGISTRY, ParameterError
from signals.domain.timeframes import open_ms
from signals.models import CandleSeries, Scan, Signal, Strategy
from signals.services.candles import corrections_waiting

_prints: dict[tuple[str, str], Fingerprints] = {}
_lock = threading.Lock()


def provenance_add(*, scan: Scan, matrix: CandleMatrix, rows: list[Signal], strategies: dict[int, Strategy]) -> None:
    """Fill `provenance` of signals that are about to be stored.

    The first candle is the earlier of the inputs' `anchor_ms` and `larger_from_ms`; a signal whose inputs state neither
    is taken as made from its own candle.
    """
    revisions = revisions_of(scan.exchange, scan.timeframe, {row.instrument for row in rows})

    def read(symbol: str, since_ms: int, until_ms: int) -> CandleTable:
        return history_read(
            exchange=scan.exchange, timeframe=scan.timeframe, symbol=symbol, since_ms=since_ms, until_ms=until_ms
        )

    with _lock:
        prints = _prints.setdefault((scan.exchange, scan.timeframe), Fingerprints())
        for row in sorted(rows, key=lambda one: one.candle_open_time):
            candle_ms, symbol = open_ms(row.candle_open_time), row.instrument.symbol
            anchor_ms = min(int(row.inputs.get(name, candle_ms)) for name in ("anchor_ms", "larger_from_ms"))
            digest, count = prints.of(matrix, symbol, anchor_ms, candle_ms, read)
            row.provenance = {
                "candles_hash": digest,
                "candles": count,
                "anchor_ms": anchor_ms,
                "revision": revisions.get(symbol, 0),
                "parameters": parameters_of(strategies[row.strategy_id]),
            }


def prints_renew(*, exchange: str, timeframe: str, symbols: frozenset[str]) -> None:
    """Earlier candles of these symbols have changed: their hashes begin anew."""
    with _lock:
        if known := _prints.get((exchange, timeframe)):
            known.forget(symbols)


def revisions_of(exchange: str, timeframe: str, instruments: Any) -> dict[str, int]:
    """Revision of each symbol's stored candles; corrections that wait in the window are counted."""
    rows = CandleSeries.objects.filter(instrument__in=instruments, timeframe=timeframe)
    found = dict(rows.values_list("instrument__symbol", "revision"))
    for symbol, count in corrections_waiting(exchange=exchange, timeframe=timeframe).items():
        found[symbol] = found.get(symbol, 0) + count
    return found


def parameters_of(strategy: Strategy) -> dict[str, Any]:
    """The values in force: those of the version, defaults filled in."""
    if strategy.kind not in REGISTRY:
        return dict(strategy.parameters)
    try:
        return REGISTRY[strategy.kind].validate(strategy.parameters)
    except ParameterError:
        return dict(strategy.parameters)


def prints_forget() -> None:
    """Forget all hashes of this process (tests)."""
    with _lock:
        _prints.clear()
